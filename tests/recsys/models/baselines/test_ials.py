import warnings

import numpy as np
import pytest

from recsys.models.baselines.ials import CONFIDENCE, IALS
from recsys.models.baselines.liked import liked
from tests.support.behaviour import interactions_of, random_interactions
from tests.support.taste_world import NUM_ITEMS, NUM_NEW, taste_interactions

PAST = taste_interactions()


def test_who_likes_even_items_is_offered_the_other_even_items() -> None:
    known = np.arange(NUM_ITEMS - NUM_NEW)
    scores = IALS(PAST, strength=0.8).scores(PAST, np.array([0, 1]))[:, known]  # an even user and an odd one
    for parity in (0, 1):
        assert scores[parity, known % 2 == parity].min() > scores[parity, known % 2 != parity].max()


def test_a_users_factors_solve_the_equation_of_the_paper() -> None:
    past = random_interactions(1, num_users=60, num_items=12, num_events=150)
    model = IALS(past, strength=0.5)
    likes = liked(past).toarray()[:, model.warm]
    row = int(np.argmax(likes.sum(axis=1)))
    items = model.model.item_factors.astype(np.float64)
    weight = np.where(likes[row] > 0, CONFIDENCE, 1.0)
    penalty = 0.5 * CONFIDENCE * np.sqrt(likes.sum() / len(model.warm))
    system = items.T @ (weight[:, None] * items) + penalty * np.eye(items.shape[1])
    user = np.linalg.solve(system, items.T @ (weight * likes[row]))
    assert model.scores(past, np.array([row]))[0, model.warm] == pytest.approx(items @ user, abs=1e-4)


def test_a_user_who_came_after_the_training_is_folded_in() -> None:
    later = interactions_of([("newcomer", item, 1) for item in (0, 2, 4)], num_items=NUM_ITEMS)
    scores = IALS(PAST, strength=0.8).scores(later, np.array([0]))[0]
    assert scores[6] > scores[7]  # even before odd


def test_an_item_that_nobody_liked_scores_nothing() -> None:
    assert IALS(PAST, strength=0.8).scores(PAST, np.array([0, 1]))[:, -NUM_NEW:].tolist() == [[0] * NUM_NEW] * 2


def test_a_user_without_a_liked_past_gets_popularity() -> None:
    past = interactions_of([("a", 0, 1), ("b", 0, 2), ("b", 1, 2)], num_items=3)
    assert IALS(past, strength=1).scores(past, np.array([-1])).tolist() == [[2, 1, 0]]


def test_the_same_seed_gives_the_same_scores_and_another_one_others() -> None:
    first, again, other = (IALS(PAST, strength=0.8, seed=seed).scores(PAST, np.array([0])) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_it_trains_without_a_word(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)  # the library warns of BLAS threads once per process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IALS(PAST, strength=0.8).scores(PAST, np.array([0]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("num_items", [0, 2])
def test_nobody_has_liked_anything_yet(num_items: int) -> None:
    past = interactions_of([], num_items=num_items)
    assert IALS(past, strength=1).scores(past, np.array([-1])).tolist() == [[0] * num_items]


def test_a_strength_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        IALS(PAST, strength=0)

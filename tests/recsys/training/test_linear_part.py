import numpy as np
import pytest

from recsys.data.relevance import NUM_KINDS, Kind
from recsys.models.baselines.ease import EASE
from recsys.training import linear_part
from recsys.training.linear_part import STRENGTH, linear_columns
from tests.support.behaviour import interactions_of, random_interactions

WORTH = tuple({Kind.LIKED: 1.0, Kind.DISLIKED: 0.5}.get(kind, 0.0) for kind in range(NUM_KINDS))
LIKES = tuple(float(kind == Kind.LIKED) for kind in range(NUM_KINDS))


def weights(columns: np.ndarray) -> np.ndarray:
    """What each item says for each other; of itself, nothing."""
    read, scored = columns[:, :-1] * columns[:, -1:], columns[:, :-1]
    return (read @ scored.T) * ~np.eye(len(columns), dtype=bool)


def test_of_few_kinds_of_users_it_is_ease_to_the_last_digits() -> None:
    baskets = [(0, 1, 2), (2, 3), (4, 5, 6), (0, 6, 7, 8), (1, 3, 9)]
    past = interactions_of([(f"u{user:03d}", item, 1) for user in range(200) for item in baskets[user % 5]], num_items=12)
    columns = linear_columns(past, kind_worth=LIKES, seed=0)
    assert columns is not None
    assert np.abs(weights(columns)).max() > 0.05
    np.testing.assert_allclose(weights(columns)[:10, :10], EASE(past, strength=STRENGTH).weights, atol=1e-5)
    assert not columns[10:, :-1].any()  # nobody has met them
    assert (columns[10:, -1] == 1).all()


def test_a_low_rating_says_half_of_what_a_high_one_says() -> None:
    liked = [(f"u{user:03d}", item, item, Kind.LIKED) for user in range(100) for item in (0, 1)]
    mixed = [(user, item, when, Kind.DISLIKED if item else kind) for user, item, when, kind in liked]
    others = [(f"v{user}", user % 3 + 1, 1, Kind.LIKED) for user in range(30)]
    sure, unsure = (linear_columns(interactions_of([*rows, *others], num_items=4), kind_worth=WORTH, seed=0) for rows in (liked, mixed))
    assert sure is not None
    assert unsure is not None
    assert 0 < weights(unsure)[0, 1] < 0.8 * weights(sure)[0, 1]


@pytest.mark.parametrize("rows", [[], [("a", 0, 1.0)], [("a", 0, 1.0), ("b", 0, 1.0)], [("a", 0, 1.0), ("a", 1, 2.0)]])
def test_a_log_that_is_too_small_says_nothing(rows: list[tuple[str, int, float]]) -> None:
    assert linear_columns(interactions_of(rows, num_items=3), kind_worth=WORTH, seed=0) is None


def test_where_directions_cannot_be_told_apart_it_is_the_same_each_time() -> None:
    past = interactions_of([(f"u{user:03d}", user % 300, 1) for user in range(600)], num_items=300)  # all singular values are equal
    once, twice = (linear_columns(past, kind_worth=WORTH, seed=0) for _ in range(2))
    assert once is not None
    assert twice is not None
    assert np.array_equal(once, twice)


def test_of_a_long_log_some_users_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    past = random_interactions(0, num_users=200, num_items=30, num_events=2000)
    whole = linear_columns(past, kind_worth=WORTH, seed=0)
    monkeypatch.setattr(linear_part, "MOST_EVENTS", 1000)
    some, again, others = (linear_columns(past, kind_worth=WORTH, seed=seed) for seed in (0, 0, 1))
    assert whole is not None
    assert some is not None
    assert again is not None
    assert others is not None
    assert np.array_equal(some, again)
    assert not np.array_equal(weights(some), weights(others))
    off = ~np.eye(30, dtype=bool)
    assert np.corrcoef(weights(some)[off], weights(whole)[off])[0, 1] > 0.5

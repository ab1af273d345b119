import numpy as np
import pytest

from recsys.models.baselines.build import BASELINES, build_baseline
from tests.support.behaviour import items_of, random_interactions

PAST = random_interactions(3, num_users=20, num_items=10, num_events=80)
ITEMS = items_of(10, vectors={"text": np.eye(10, dtype=np.float32)})


@pytest.mark.parametrize("name", BASELINES)
def test_every_name_builds_a_scorer_that_keeps_its_name_and_scores_every_item(name: str) -> None:
    scorer = build_baseline(name, PAST, ITEMS)
    scores = scorer.scores(PAST, np.array([0, 3, -1]))
    assert scorer.name == name
    assert scores.shape == (3, 10)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", BASELINES)
def test_scores_do_not_depend_on_who_is_asked_together(name: str) -> None:
    scorer = build_baseline(name, PAST, ITEMS)
    rows = np.array([0, 3, -1, 7, 3])
    together = scorer.scores(PAST, rows)
    alone = np.concatenate([scorer.scores(PAST, rows[at : at + 1]) for at in range(len(rows))])
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no baseline 'itemknn'; did you mean item_knn\?"):
        build_baseline("itemknn", PAST, ITEMS)

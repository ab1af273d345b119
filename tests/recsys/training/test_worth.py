import numpy as np
import pytest

from recsys.training.worth import relative_worth


def test_one_per_cent_more_of_either_metric_is_worth_the_same() -> None:
    level = {"recall@100": np.array([0.4, 0.6]), "ndcg@10": np.array([0.1, 0.1])}  # means 0.5 and 0.1
    more_recall = relative_worth({"recall@100": np.array([0.505]), "ndcg@10": np.array([0.1])}, level)
    more_ndcg = relative_worth({"recall@100": np.array([0.5]), "ndcg@10": np.array([0.101])}, level)
    assert more_recall[0] == pytest.approx(2.01)
    assert more_ndcg[0] == pytest.approx(2.01)


def test_who_could_find_nothing_has_no_worth_and_is_no_part_of_the_level() -> None:
    values = {"recall@100": np.array([0.5, np.nan]), "ndcg@10": np.array([0.1, np.nan])}
    worth = relative_worth(values, values)
    assert worth[0] == pytest.approx(2)
    assert np.isnan(worth[1])

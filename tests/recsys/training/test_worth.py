import numpy as np
import numpy.typing as npt
import pytest

from recsys.training.worth import best_unless_first_is_as_good, first_as_good, relative_worth, worth_of_each


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


def test_what_each_choice_is_worth_is_told_by_the_level_of_the_first() -> None:
    judged = [{"recall@100": np.array([value]), "ndcg@10": np.array([value])} for value in (0.2, 0.3)]
    assert np.concatenate(worth_of_each(judged)) == pytest.approx([2, 3])


def around(mean: float, *, spread: float = 0.0) -> npt.NDArray[np.float64]:
    """Worth to 100 users, half of them above the mean and half below."""
    return mean + spread * (-1.0) ** np.arange(100)


def test_where_nothing_tells_the_first_choice_from_the_best_it_stays() -> None:
    assert best_unless_first_is_as_good([around(0.5), around(0.51, spread=0.2)]) == 0


def test_where_the_first_choice_is_told_to_be_behind_the_best_one_counts_and_not_the_first_as_good() -> None:
    worth = [around(0.3), around(0.5), around(0.51, spread=0.2)]
    assert first_as_good(worth) == 1
    assert best_unless_first_is_as_good(worth) == 2

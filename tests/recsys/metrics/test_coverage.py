import numpy as np

from recsys.metrics.coverage import coverage


def test_two_of_four_candidates_are_shown() -> None:
    lists = np.array([[0, 2], [2, -1]])
    assert coverage(lists, np.array([True, True, True, True, False])) == 2 / 4


def test_no_candidates_are_nothing() -> None:
    assert np.isnan(coverage(np.array([[-1]]), np.zeros(3, bool)))

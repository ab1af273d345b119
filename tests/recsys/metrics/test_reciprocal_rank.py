import numpy as np

from recsys.metrics.reciprocal_rank import reciprocal_rank


def test_the_first_hit_counts_and_later_ones_do_not() -> None:
    assert reciprocal_rank(np.array([[False, True, True]]), np.array([2]))[0] == 1 / 2


def test_no_hit_is_zero_and_no_choice_is_nothing() -> None:
    values = reciprocal_rank(np.zeros((2, 3), bool), np.array([1, 0]))
    assert values[0] == 0
    assert np.isnan(values[1])

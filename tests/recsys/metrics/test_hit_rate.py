import numpy as np

from recsys.metrics.hit_rate import hit_rate_at_k


def test_two_hits_count_as_one_and_a_hit_below_k_as_none() -> None:
    values = hit_rate_at_k(np.array([[True, True, False], [False, False, True]]), np.array([2, 1]), k=2)
    assert values.tolist() == [1, 0]


def test_a_user_who_chose_nothing_has_no_value() -> None:
    assert np.isnan(hit_rate_at_k(np.zeros((1, 3), bool), np.array([0]), k=3)[0])

import numpy as np
import pytest

from recsys.metrics.recall import recall_at_k


def test_one_of_two_relevant_items_in_the_first_two() -> None:
    assert recall_at_k(np.array([[True, False, True]]), np.array([2]), k=2)[0] == 0.5


def test_more_relevant_items_than_ranks_cannot_reach_one() -> None:
    assert recall_at_k(np.ones((1, 2), bool), np.array([4]), k=2)[0] == 0.5


def test_a_user_who_chose_nothing_has_no_value() -> None:
    assert np.isnan(recall_at_k(np.zeros((1, 3), bool), np.array([0]), k=3)[0])


def test_a_list_shorter_than_k_misses_at_the_ranks_it_lacks() -> None:
    assert recall_at_k(np.array([[True]]), np.array([2]), k=100)[0] == 0.5


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        recall_at_k(np.zeros((1, 3), bool), np.array([1]), k=0)


def test_a_single_list_without_users_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(users, ranks\)"):
        recall_at_k(np.zeros(3, bool), np.array([1]), k=1)

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.metrics.ndcg import ndcg_at_k


def test_one_relevant_item_at_rank_two() -> None:
    value = ndcg_at_k(np.array([[False, True, False]]), np.array([1]), k=3)
    assert value[0] == pytest.approx(1 / math.log2(3))  # discount of rank 2; the best possible is 1


def test_the_ideal_list_is_cut_at_k() -> None:
    value = ndcg_at_k(np.array([[True, True, False]]), np.array([5]), k=2)
    assert value[0] == pytest.approx(1)  # five are relevant, but two is all that two ranks can hold


def test_relevant_items_that_are_not_listed_count_in_the_ideal() -> None:
    value = ndcg_at_k(np.array([[True, False]]), np.array([2]), k=2)
    assert value[0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_a_user_who_chose_nothing_has_no_value() -> None:
    assert np.isnan(ndcg_at_k(np.zeros((1, 3), bool), np.array([0]), k=3)[0])


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.integers(1, 12), st.data())
def test_moving_a_hit_up_never_lowers_it(hits: list[bool], k: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(hits) - 1))
    better = hits.copy()
    if hits[place] and not hits[place - 1]:
        better[place - 1], better[place] = True, False
    count = np.array([max(1, sum(hits))])
    assert ndcg_at_k(np.array([better]), count, k=k)[0] >= ndcg_at_k(np.array([hits]), count, k=k)[0] - 1e-12


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5), st.integers(1, 15))
def test_it_lies_between_zero_and_one(hits: list[bool], unlisted: int, k: int) -> None:
    value = ndcg_at_k(np.array([hits]), np.array([max(1, sum(hits) + unlisted)]), k=k)[0]
    assert 0 <= value <= 1 + 1e-12

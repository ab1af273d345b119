import numpy as np
import pytest

from recsys.metrics.gini import gini


def test_everything_equally_often_is_zero() -> None:
    assert gini(np.array([[0, 1], [2, 3]]), np.ones(4, bool)) == pytest.approx(0)


def test_one_item_taking_all_places_of_four_candidates() -> None:
    assert gini(np.array([[1], [1]]), np.ones(4, bool)) == pytest.approx(3 / 4)  # (n - 1) / n


def test_what_is_no_candidate_does_not_count() -> None:
    assert gini(np.array([[0, 1]]), np.array([True, True, False])) == pytest.approx(0)


def test_nothing_shown_is_nothing() -> None:
    assert np.isnan(gini(np.array([[-1]]), np.ones(2, bool)))

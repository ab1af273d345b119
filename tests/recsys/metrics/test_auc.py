import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from recsys.metrics.auc import auc


def test_three_of_four_pairs_in_order() -> None:
    assert auc(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.4, 0.1])) == 3 / 4  # only 0.4 < 0.5 is wrong


def test_a_tie_counts_one_half() -> None:
    assert auc(np.array([True, False]), np.array([0.3, 0.3])) == 0.5


@pytest.mark.parametrize("label", [True, False])
def test_labels_that_are_all_alike_have_no_order(label: bool) -> None:
    assert np.isnan(auc(np.full(3, label), np.arange(3.0)))


def test_nothing_to_order_is_nothing() -> None:
    assert np.isnan(auc(np.zeros(0, bool), np.zeros(0)))


def test_nan_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc(np.array([True, False]), np.array([np.nan, 1]))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_it_agrees_with_scikit_learn(examples: list[tuple[bool, int]]) -> None:
    labels, scores = np.array([label for label, _ in examples]), np.array([float(score) for _, score in examples])
    if labels.all() or not labels.any():
        return
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))

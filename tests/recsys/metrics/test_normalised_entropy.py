import math

import numpy as np
import pytest

from recsys.metrics.normalised_entropy import normalised_entropy


def test_predicting_the_mean_is_one() -> None:
    assert normalised_entropy(np.array([True, False, False, False]), np.full(4, 0.25)) == pytest.approx(1)


def test_two_predictions_by_hand() -> None:
    value = normalised_entropy(np.array([True, False]), np.array([0.8, 0.4]))
    assert value == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2 / math.log(2))  # entropy of one half is log 2


def test_being_sure_and_right_is_nearly_zero_and_sure_and_wrong_is_finite() -> None:
    labels = np.array([True, False])
    assert normalised_entropy(labels, np.array([1.0, 0.0])) < 1e-6
    assert math.isfinite(normalised_entropy(labels, np.array([0.0, 1.0])))


def test_labels_that_are_all_alike_have_no_value() -> None:
    assert np.isnan(normalised_entropy(np.zeros(3, bool), np.full(3, 0.1)))


def test_logits_are_refused() -> None:
    with pytest.raises(ValueError, match="apply a sigmoid"):
        normalised_entropy(np.array([True, False]), np.array([2.0, 0.5]))

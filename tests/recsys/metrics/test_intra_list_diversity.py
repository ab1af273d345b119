import numpy as np
import pytest

from recsys.metrics.intra_list_diversity import intra_list_diversity

VECTORS = np.array([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0], [5.0, 0.0]])


def test_right_angles_are_one_and_opposites_two() -> None:
    values = intra_list_diversity(np.array([[0, 1], [0, 2], [0, 3]]), VECTORS, np.ones(4, bool))
    assert values == pytest.approx([1, 2, 0])


def test_the_mean_is_over_pairs() -> None:
    value = intra_list_diversity(np.array([[0, 1, 2]]), VECTORS, np.ones(4, bool))[0]
    assert value == pytest.approx((1 + 2 + 1) / 3)


def test_items_without_the_modality_are_left_out() -> None:
    values = intra_list_diversity(np.array([[0, 1, 2], [0, 1, -1]]), VECTORS, np.array([True, False, True, True]))
    assert values[0] == pytest.approx(2)
    assert np.isnan(values[1])  # only one item is left

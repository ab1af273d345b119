import numpy as np
import pytest

from recsys.metrics.novelty import novelty


def test_surprise_in_bits() -> None:
    popularity = np.array([1.0, 1.0, 0.0, 0.0])  # with one more each: 2, 2, 1, 1 of 6
    assert novelty(np.array([[0, 2]]), popularity)[0] == pytest.approx((np.log2(3) + np.log2(6)) / 2)


def test_padding_does_not_count_and_an_empty_list_has_no_value() -> None:
    values = novelty(np.array([[0, -1], [-1, -1]]), np.zeros(4))
    assert values[0] == pytest.approx(2)  # one of four equals
    assert np.isnan(values[1])

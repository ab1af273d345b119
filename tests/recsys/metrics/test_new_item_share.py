import numpy as np

from recsys.metrics.new_item_share import new_item_share


def test_one_of_two_is_new_and_padding_does_not_count() -> None:
    values = new_item_share(np.array([[0, 1, -1], [-1, -1, -1]]), np.array([True, False]))
    assert values[0] == 0.5
    assert np.isnan(values[1])

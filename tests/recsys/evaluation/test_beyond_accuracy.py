import numpy as np
import pytest

from recsys.evaluation.beyond_accuracy import beyond_accuracy
from recsys.evaluation.truth import build_truth
from tests.support.behaviour import interactions_of, items_of

PAST = interactions_of([("a", 0, 1), ("b", 0, 1), ("a", 1, 1)], num_items=4)
TRUTH = build_truth(PAST, interactions_of([("a", 2, 11), ("b", 2, 11)], num_items=4), candidates=np.ones(4, bool))
ITEMS = items_of(4, vectors={"image": np.eye(4, dtype=np.float32)}, presence={"image": np.array([True, True, True, False])})


def test_two_lists_by_hand() -> None:
    values = beyond_accuracy(np.array([[2, 1], [2, 0]]), TRUTH, ITEMS)
    assert values["coverage"] == 3 / 4
    assert values["new_item_share"] == 1 / 2  # item 2 in both lists
    assert values["diversity.image"] == pytest.approx(1)
    shares = np.array([3, 2, 1, 1]) / 7  # likes, and one more each
    assert values["novelty"] == pytest.approx(-np.log2(shares[[2, 1, 2, 0]]).mean())


def test_only_the_first_ten_count() -> None:
    long = np.array([[0] * 10 + [1]] * 2)
    assert beyond_accuracy(long, TRUTH, ITEMS)["coverage"] == 1 / 4

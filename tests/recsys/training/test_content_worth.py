import numpy as np
import pytest
import torch

from recsys.data.interactions import Interactions
from recsys.data.tensors import ItemBatch
from recsys.training.content_worth import EXPECTED_WORTH, content_worth
from tests.support.behaviour import interactions_of

NUM_ITEMS = 60


def world(*, users: int) -> tuple[ItemBatch, dict[str, list[slice]], Interactions]:
    """Each user wants items that lie in one direction of `text`; `image` says nothing of anyone."""
    random = np.random.default_rng(7)
    text, image = random.normal(size=(2, NUM_ITEMS, 8)).astype(np.float32)
    text, image = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True) * 8**0.5 for matrix in (text, image))
    rows = []
    for user in range(users):
        likes = np.argsort(-text @ random.normal(size=8))[:6]
        rows += [(f"u{user:03d}", int(item), float(day)) for day, item in enumerate(likes)]
    vectors = {"image": torch.from_numpy(image), "text": torch.from_numpy(text)}
    everywhere = torch.ones(NUM_ITEMS, dtype=torch.bool)
    items = ItemBatch(
        torch.arange(NUM_ITEMS), everywhere, vectors, dict.fromkeys(vectors, everywhere), torch.zeros((NUM_ITEMS, 1), dtype=torch.long)
    )
    return items, {"image": [slice(0, 8)], "text": [slice(0, 4), slice(4, 8)]}, interactions_of(rows, num_items=NUM_ITEMS)


def test_content_that_tells_what_is_wanted_is_worth_more_than_content_that_does_not() -> None:
    worth = content_worth(*world(users=300), seed=1)
    assert worth["text"].min() > 2.0
    assert 0 <= worth["image"] < worth["text"].min() / 3


def test_the_same_seed_gives_the_same_worth() -> None:
    first, second = (content_worth(*world(users=40), seed=3) for _ in range(2))
    assert torch.equal(first["text"], second["text"])


@pytest.mark.parametrize("rows", [[], [("u", 0, 0), ("v", 1, 0)]])
def test_where_nobody_wanted_two_items_nothing_is_known(rows: list[tuple[str, int, float]]) -> None:
    items, bands, _ = world(users=1)
    worth = content_worth(items, bands, interactions_of(rows, num_items=NUM_ITEMS), seed=0)
    assert {name: values.tolist() for name, values in worth.items()} == {"image": [EXPECTED_WORTH], "text": [EXPECTED_WORTH] * 2}


def test_without_content_there_is_nothing_to_weigh() -> None:
    items, _, past = world(users=40)
    assert content_worth(items, {}, past, seed=0) == {}

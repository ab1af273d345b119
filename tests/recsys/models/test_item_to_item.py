import numpy as np
import pytest
import torch

from recsys.data.relevance import NUM_KINDS, Kind
from recsys.models.item_to_item import LINEAR, ItemToItem

WORTH = tuple({Kind.LIKED: 1.0, Kind.DISLIKED: 0.5}.get(kind, 0.0) for kind in range(NUM_KINDS))
PART = ItemToItem(name=LINEAR, dim=2, weight=3.0, kind_worth=WORTH)


def test_what_the_items_of_a_history_say_is_summed_by_hand() -> None:
    columns = torch.tensor([[[1.0, 0.0, 2.0], [0.0, 1.0, 4.0], [9.0, 9.0, 9.0], [7.0, 7.0, 7.0]]])
    kinds = torch.tensor([[Kind.LIKED, Kind.DISLIKED, Kind.TAG, 0]])  # a tag says nothing, and neither does padding
    # read as (2, 0) and (0, 4); 3 * ((2, 0) + .5 * (0, 4)) / sqrt(2)
    assert PART.ask(columns, kinds)[0].tolist() == pytest.approx([6 / np.sqrt(2), 6 / np.sqrt(2), 0.0])


def test_an_empty_history_says_nothing() -> None:
    asked = PART.ask(torch.ones(2, 3, 3), torch.tensor([[0, 0, 0], [Kind.DWELL, Kind.TAG, 0]]))
    assert asked.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]

"""Items are drawn from pools as often as they say."""

import pytest
import torch

from recsys.training.pools import Pools

POOLS = Pools(torch.tensor([7, 8, 9, 7, 5]), torch.tensor([0, 0, 0, 1, 3]), number=2)
"""Three items, one, none and one again."""


def test_of_each_pool_so_many_are_drawn_or_all_there_are() -> None:
    drawn = POOLS.draw(torch.Generator().manual_seed(0)).tolist()
    assert len(drawn) == 2 + 1 + 1
    assert drawn[2:] == [7, 5]
    assert len(set(drawn[:2])) == 2


def test_the_chance_to_be_drawn_is_that_of_being_drawn_from_any_pool() -> None:
    chance = Pools(torch.tensor([1, 2, 3, 3, 4, 5, 6]), torch.tensor([0, 0, 0, 1, 1, 1, 1]), number=1).chance(torch.tensor([3, 6, 1, 9]))
    assert chance.tolist() == pytest.approx([1 - (1 - 1 / 3) * (1 - 1 / 4), 1 / 4, 1 / 3, 0])


def test_what_must_be_drawn_has_chance_one() -> None:
    assert POOLS.chance(torch.tensor([5, 7, 8])).tolist() == pytest.approx([1, 1, 2 / 3])


def test_items_are_drawn_as_often_as_their_chance() -> None:
    random = torch.Generator().manual_seed(0)
    share = torch.stack([torch.bincount(POOLS.draw(random).unique(), minlength=10) for _ in range(1000)]).double().mean(dim=0)
    torch.testing.assert_close(share[[7, 8, 9]].float(), POOLS.chance(torch.tensor([7, 8, 9])), atol=0.05, rtol=0)


def test_no_pools_give_nothing() -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    empty = Pools(nothing, nothing, number=2)
    assert empty.draw(None).tolist() == []
    assert empty.chance(torch.tensor([1, 2])).tolist() == [0, 0]

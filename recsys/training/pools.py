"""Where hard negatives are drawn from: a pool of items for each history of a batch."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Pools:
    """Pools of one kind; a history may have none.

    Because the pools are known, so is the chance of an item to be drawn from any of them: 1 - the product of (1 - number / size) over the
    pools that hold it, each drawn from without replacement.
    """

    rows: Int[Tensor, " entries"]
    """Which items, as rows of those that anyone has met; in a pool each once."""
    owner: Int[Tensor, " entries"]
    """The history whose pool it is, ascending."""
    number: int
    """How many are drawn of each pool; of a smaller one all are."""

    def draw(self, random: torch.Generator | None) -> Int[Tensor, " drawn"]:
        """Some of each pool, at random; an item of several pools may come several times.

        Args:
            random: Draws; the same on all ranks.
        """
        keys = torch.rand(len(self.rows), dtype=torch.float64, generator=random).to(self.rows.device)
        order = (self.owner + keys).argsort()
        sizes = torch.bincount(self.owner)
        place = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[self.owner]
        return self.rows[order[place < self.number]]

    def chance(self, rows: Int[Tensor, " wanted"]) -> Float[Tensor, " wanted"]:
        """How likely each of some items was to be drawn.

        Args:
            rows: Each once, in any order.
        """
        entry_chance = (self.number / torch.bincount(self.owner)[self.owner]).clamp(max=1.0)
        ascending, order = rows.sort()
        place = torch.searchsorted(ascending, self.rows).clamp(max=len(rows) - 1)
        wanted = ascending[place] == self.rows
        missed = torch.zeros(len(rows), device=rows.device).index_add(0, order[place[wanted]], torch.log1p(-entry_chance[wanted]))
        return -torch.expm1(missed)

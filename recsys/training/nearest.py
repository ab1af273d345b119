"""The items that a training holds likeliest so far: negatives that are hard because the model is still wrong about some of them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from recsys.data.item_to_item import BEHIND
from recsys.data.sequences import SequenceBatch
from recsys.models.two_tower import WANTED, TwoTower
from recsys.training.pools import Pools

POOL = 128
"""Nearest items of a history from which its hard negatives are drawn."""


class NearestItems:
    """An index of the item vectors as an epoch found them, asked for what each history of a batch would be shown (in the manner of ANCE,
    Xiong et al., ICLR 2021).

    Brute force: a step costs histories * items * dim multiplications more. What the history itself holds is left out.

    Args:
        average: The moving average, which asks; the same on all ranks.
        vectors: (items met, dim + BEHIND) its item vectors, whose popularity is not asked.
    """

    def __init__(self, average: TwoTower, vectors: Float[Tensor, "met all_dims"]) -> None:
        self._average, self._vectors = average, vectors

    @torch.no_grad()
    def pools(self, batch: SequenceBatch, read: Int[Tensor, "pieces length"], number: int) -> Pools:
        """A pool for each piece of a batch.

        Args:
            batch: The whole batch, on whatever rank.
            read: Its items, as rows of those met.
            number: How many will be drawn of each.
        """
        history = (batch.kind, batch.age_days, batch.in_order, batch.attributes)
        kind, age_days, in_order, attributes = (torch.from_numpy(values).to(read.device) for values in history)
        states = self._average.user_tower(self._vectors[read][..., :-BEHIND], kind, age_days, in_order, attributes)
        last = (kind > 0).sum(dim=1)  # events of each piece: the start state stands before them
        state = states[torch.arange(len(batch), device=read.device), last]
        asked = self._average.ask(state, torch.full_like(last, WANTED))
        scores = asked @ self._vectors[:, :-BEHIND].T + self._vectors[:, -BEHIND]  # (pieces, met)
        scores.scatter_(1, torch.where(kind > 0, read, read[:, :1]), float("-inf"))
        nearest = scores.topk(min(POOL, scores.shape[1]), dim=1)
        owner, place = nearest.values.isfinite().nonzero().unbind(dim=1)
        return Pools(nearest.indices[owner, place], owner, number)

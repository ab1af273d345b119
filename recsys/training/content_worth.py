"""What each part of an item's content is worth, judged by the log before the first step of training."""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.tensors import ItemBatch

USERS = 2000
"""At most so many are asked; each hides one wanted item."""
NEGATIVES = 1000
"""Drawn once for all of them, by popularity, so that content is not praised for being that of popular items."""
HISTORY_LENGTH = 50
EXPECTED_WORTH = 1.0
SPREAD_OF_WORTH = 3.0
"""Of a normal prior around EXPECTED_WORTH: photos of a hundred items in ten thousand cannot prove themselves and must not weigh much."""
STEPS = 60


def content_worth(items: ItemBatch, bands: dict[str, list[slice]], past: Interactions, *, seed: int) -> dict[str, Float[Tensor, " bands"]]:
    """Worth, at least 0, of each band of each modality: the weights under which users' other wanted items tell best which one was hidden.

    A conditional logit (McFadden, 1974) over the hidden item and NEGATIVES others; its only parameters are the weights.

    Args:
        items: All items, whitened, not weighed.
        bands: modality -> runs of its coordinates.
        past: What may be learned from.
        seed: Of the users and the negatives.
    """
    random = np.random.default_rng(seed)
    hidden, history, filled = _hide_one(past.keep(past.relevant).distinct(), random)
    sizes = [len(slices) for slices in bands.values()]
    worth = torch.full((sum(sizes),), EXPECTED_WORTH)
    if len(hidden) and len(worth):
        negatives = torch.from_numpy(random.choice(past.item_index, NEGATIVES))
        likeness = [_likeness(items, name, band, hidden, history, filled, negatives) for name, slices in bands.items() for band in slices]
        known = torch.cat([hidden[:, None], torch.where(filled, history, hidden[:, None])], dim=1)  # no negatives of their user
        excluded = torch.stack([torch.isin(negatives, mine) for mine in known])
        worth = _fit(torch.stack(likeness, dim=2), F.pad(excluded, (1, 0)))
    return dict(zip(bands, worth.split(sizes), strict=True)) if bands else {}


def _hide_one(
    likes: Interactions, random: np.random.Generator
) -> tuple[Int[Tensor, " users"], Int[Tensor, "users length"], Bool[Tensor, "users length"]]:
    """One item of each of some users, at most HISTORY_LENGTH others of theirs, and where these are."""
    counts = np.diff(likes.offsets)
    users = np.flatnonzero(counts > 1)
    users = np.sort(random.choice(users, min(USERS, len(users)), replace=False))
    shuffled: npt.NDArray[np.int64] = likes.item_index[np.lexsort((random.random(len(likes.item_index)), likes.user_row))]
    place = np.arange(1 + HISTORY_LENGTH)
    inside = place < counts[users, None]
    chosen = torch.from_numpy(shuffled[np.where(inside, likes.offsets[users, None] + place, 0)])
    return chosen[:, 0], chosen[:, 1:], torch.from_numpy(inside[:, 1:])


def _likeness(
    items: ItemBatch,
    name: str,
    band: slice,
    hidden: Int[Tensor, " users"],
    history: Int[Tensor, "users length"],
    filled: Bool[Tensor, "users length"],
    negatives: Int[Tensor, " negatives"],
) -> Float[Tensor, "users candidates"]:
    """How alike in one band the pooled history and each candidate are: the hidden item, then the negatives."""

    def coordinates(rows: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape dim"]:
        vectors, present = items.vectors[name], items.presence[name]
        found: Tensor = torch.where(present[rows][..., None], vectors[:, band][rows], 0.0)
        return found / math.sqrt(vectors.shape[1])  # of unit length over all bands

    pooled = (coordinates(history) * filled[:, :, None]).sum(dim=1) / filled.sum(dim=1, keepdim=True).sqrt()
    return torch.cat([(pooled * coordinates(hidden)).sum(dim=1, keepdim=True), pooled @ coordinates(negatives).T], dim=1)


@torch.enable_grad()
def _fit(likeness: Float[Tensor, "users candidates bands"], excluded: Bool[Tensor, "users candidates"]) -> Float[Tensor, " bands"]:
    root = torch.full((likeness.shape[2],), EXPECTED_WORTH**0.5, requires_grad=True)  # weights are squares: never negative
    optimizer = torch.optim.LBFGS([root], max_iter=STEPS, line_search_fn="strong_wolfe")
    first = torch.zeros(len(likeness), dtype=torch.long)

    def loss() -> Tensor:
        optimizer.zero_grad()
        worth = root.square()
        surprise = F.cross_entropy((likeness @ worth).masked_fill(excluded, float("-inf")), first, reduction="sum")
        total = surprise + ((worth - EXPECTED_WORTH) / SPREAD_OF_WORTH).square().sum() / 2
        torch.autograd.backward(total)
        return total

    optimizer.step(loss)
    return root.detach().square()

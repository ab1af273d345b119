"""Who resembles whom should be the same on both sides."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def similarity_kl(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean over rows of (KL(p || q) + KL(q || p)) / 2, at least 0 (in the way of Passalis and Tefas, ECCV 2018).

    p is the softmax of a left row's cosines with the left rows of other groups, over the temperature; q is the same on the right. Only
    likeness within each side is compared: a turn of one whole side costs nothing, so it shapes a space but leads no photo to its text by
    itself.

    Args:
        left: Unit vectors, e.g. of photos.
        right: Unit vectors, e.g. of texts; row i is the partner of left row i.
        group: Rows of one group are left out of each other's distributions. A row with fewer than two others costs 0.
        temperature: Divides the cosines; positive.
    """
    others = group[:, None] != group  # (batch, batch)
    log_p, log_q = _log_shares(left @ left.T / temperature, others), _log_shares(right @ right.T / temperature, others)
    both_ways = (log_p.exp() - log_q.exp()) * (log_p - log_q)  # (batch, batch), 0 where there is nothing to compare
    return both_ways.sum(dim=1).mean() / 2


def _log_shares(logits: Float[Tensor, "batch batch"], among: Bool[Tensor, "batch batch"]) -> Float[Tensor, "batch batch"]:
    """Log-softmax of each row among some columns; 0 elsewhere."""
    logits = logits.masked_fill(~among, torch.finfo(logits.dtype).min)
    return logits.log_softmax(dim=1).masked_fill(~among, 0.0)

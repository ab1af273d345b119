"""Each target must win against a sample of the catalogue, with the sampling made good for."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def sampled_softmax(
    users: Float[Tensor, "targets dim"],
    positives: Float[Tensor, "targets dim"],
    negatives: Float[Tensor, "negatives dim"],
    target: Int[Tensor, " targets"],
    negative: Int[Tensor, " negatives"],
    log_q: Float[Tensor, " negatives"],
    weight: Float[Tensor, " targets"],
    absent: Bool[Tensor, "targets negatives"] | None = None,
) -> Float[Tensor, ""]:
    """Softmax over the own item and shared negatives, corrected for how often each is sampled (Yi et al., RecSys 2019).

    The own item stands in its list with certainty, so its logit is not corrected (Khrylchenko et al., RecSys 2025). A negative that is
    the target itself is left out.

    Args:
        users: Already divided by the temperature; coordinates that meet item biases included.
        positives: Vector of each target's own item.
        negatives: In-batch and uniform negatives together, each item once.
        target: Item index of the targets.
        negative: Item index of the negatives.
        log_q: Log of how often the sampling is expected to put each item among the negatives.
        weight: At least 0; with all of them 0 the loss is 0.
        absent: Negatives that were not on offer when the target was chosen; they are left out.
    """
    own = (users * positives).sum(dim=1, keepdim=True)  # (targets, 1)
    left_out = target[:, None] == negative  # (targets, negatives)
    if absent is not None:
        left_out = left_out | absent
    others = (users @ negatives.T - log_q).masked_fill(left_out, float("-inf"))
    losses = F.cross_entropy(torch.cat([own, others], dim=1), torch.zeros_like(target), reduction="none")
    return (losses * weight).sum() / weight.sum().clamp(min=1e-9)

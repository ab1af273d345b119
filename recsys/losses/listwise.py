"""Softmax over the candidates of a request: only the order within a slate counts."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def listwise(
    logits: Float[Tensor, "requests candidates tasks"],
    labels: Bool[Tensor, "requests candidates tasks"],
    there: Bool[Tensor, "requests candidates"],
) -> Float[Tensor, " tasks"]:
    """Cross-entropy between each slate's softmax and its positives, shared evenly among them (ListNet; Cao et al., ICML 2007).

    Requests without a positive say nothing of the order and are left out; 0 where there are only such.

    Args:
        logits: Higher is better.
        labels: What happened.
        there: False in padding.
    """
    log_softmax = logits.masked_fill(~there[:, :, None], -1e9).log_softmax(dim=1)
    positive = (labels & there[:, :, None]).to(logits.dtype)
    count = positive.sum(dim=1)  # (requests, tasks)
    losses = -(positive * log_softmax).sum(dim=1) / count.clamp(min=1)
    told = (count > 0).sum(dim=0)
    return losses.sum(dim=0) / torch.clamp(told, min=1)

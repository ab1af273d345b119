"""Each target must win against every item of the catalogue."""

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def full_softmax(
    users: Float[Tensor, "targets dim"],
    items: Float[Tensor, "items dim"],
    target: Int[Tensor, " targets"],
    weight: Float[Tensor, " targets"],
    absent: Bool[Tensor, "targets items"] | None = None,
) -> Float[Tensor, ""]:
    """Weighted mean cross-entropy over all items that were on offer (as Klenitskiy and Vasilev, RecSys 2023, for sequential models).

    Args:
        users: Already divided by the temperature; coordinates that meet item biases included.
        items: All items.
        target: Row of the item that was chosen.
        weight: At least 0; with all of them 0 the loss is 0.
        absent: Items that were not on offer when the target was chosen and are no negatives of it; the target itself always counts.
    """
    logits = users @ items.T  # (targets, items)
    if absent is not None:
        logits = logits.masked_fill(absent.scatter(1, target[:, None], value=False), float("-inf"))
    losses = F.cross_entropy(logits, target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp(min=1e-9)

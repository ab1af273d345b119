"""Each target must win against every item of the catalogue."""

import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int
from torch import Tensor


def full_softmax(
    users: Float[Tensor, "targets dim"],
    items: Float[Tensor, "items dim"],
    target: Int[Tensor, " targets"],
    weight: Float[Tensor, " targets"],
) -> Float[Tensor, ""]:
    """Weighted mean cross-entropy over all items (as Klenitskiy and Vasilev, RecSys 2023, for sequential models).

    Args:
        users: Already divided by the temperature; coordinates that meet item biases included.
        items: All items.
        target: Row of the item that was chosen.
        weight: At least 0; with all of them 0 the loss is 0.
    """
    losses = F.cross_entropy(users @ items.T, target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp(min=1e-9)

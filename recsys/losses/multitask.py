"""Several tasks as one loss: of single items and of whole slates."""

from jaxtyping import Bool, Float
from torch import Tensor

from recsys.losses.listwise import listwise
from recsys.losses.pointwise import pointwise


def multitask(
    logits: Float[Tensor, "requests candidates tasks"],
    labels: Bool[Tensor, "requests candidates tasks"],
    there: Bool[Tensor, "requests candidates"],
    *,
    listwise_weight: float,
) -> Float[Tensor, ""]:
    """Mean over the tasks of log loss plus weighted listwise loss.

    Args:
        logits: Log-odds.
        labels: What happened.
        there: False in padding.
        listwise_weight: 0 leaves the order of slates to the log loss alone.
    """
    losses = pointwise(logits, labels, there)
    if listwise_weight:
        losses = losses + listwise_weight * listwise(logits, labels, there)
    return losses.mean()

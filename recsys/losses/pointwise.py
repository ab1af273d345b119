"""Binary cross-entropy over single candidates."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


def pointwise(
    logits: Float[Tensor, "requests candidates tasks"],
    labels: Bool[Tensor, "requests candidates tasks"],
    there: Bool[Tensor, "requests candidates"],
) -> Float[Tensor, " tasks"]:
    """Mean log loss of each task over the candidates that are there; 0 without any.

    Args:
        logits: Log-odds.
        labels: What happened.
        there: False in padding.
    """
    losses = functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    return (losses * there[:, :, None]).sum(dim=(0, 1)) / there.sum().clamp(min=1)

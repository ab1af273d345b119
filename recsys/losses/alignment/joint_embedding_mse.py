"""Partners lie at the same place of the joint space."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def joint_embedding_mse(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean over rows and coordinates of (left - right)^2: the invariance term of Bardes et al. (VICReg, ICLR 2022) over dim.

    Between unit vectors it is 2 / dim times `cosine`; it says more where lengths mean something. Nothing pushes strangers apart, so two
    learned sides may both shrink to one point; use it where one side is held by something else.

    Args:
        left: Vectors, e.g. of photos, of any length.
        right: Vectors, e.g. of texts; row i is the partner of left row i.
        group: Not used, there are no negatives; all alignment losses are called alike.
        temperature: Not used.
    """
    return F.mse_loss(left, right)

"""Triplets mined in the batch: the partner must be closer than the nearest stranger that is farther than it."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

MARGIN = 0.2
"""In squared distances, as in the paper."""


def triplet(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """max(0, |a - p|^2 - |a - n|^2 + margin) with a semi-hard n; mean over anchors of both sides (Schroff et al., CVPR 2015).

    Semi-hard is the nearest negative that is farther from the anchor than its partner: the very nearest ones let training collapse. Where
    all negatives are nearer than the partner, the farthest of them is taken.

    Args:
        left: Unit vectors, e.g. of photos.
        right: Unit vectors, e.g. of texts; row i is the partner of left row i.
        group: Rows of one group are not negatives of each other. An anchor without negatives costs 0.
        temperature: Not used; all alignment losses are called alike.
    """
    cosines, negatives = left @ right.T, group[:, None] != group  # (batch left, batch right)
    return (_mined(cosines, negatives) + _mined(cosines.T, negatives)) / 2


def _mined(cosines: Float[Tensor, "anchors others"], negatives: Bool[Tensor, "anchors others"]) -> Float[Tensor, ""]:
    own = cosines.diagonal()
    farther = negatives & (cosines < own[:, None])
    semi_hard = cosines.masked_fill(~farther, float("-inf")).amax(dim=1)
    farthest = cosines.masked_fill(~negatives, float("inf")).amin(dim=1)
    chosen = torch.where(farther.any(dim=1), semi_hard, farthest)
    cost = (2 * (chosen - own) + MARGIN).clamp(min=0)  # |x - y|^2 = 2 - 2 cos for unit vectors
    return torch.where(negatives.any(dim=1), cost, 0.0).mean()

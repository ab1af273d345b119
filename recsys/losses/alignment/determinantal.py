"""The vectors of one item should span next to nothing, those of a photo and a stranger's text much."""

from jaxtyping import Float, Int
from torch import Tensor

from recsys.losses.alignment.contrastive import find_partners


def determinantal(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """InfoNCE in both directions with logits -det(K) / temperature (volume instead of cosine: Cicchetti et al., GRAM, ICLR 2025).

    K = [[1, k], [k, 1]] is the Gram matrix of a left and a right vector under the kernel k = (1 + cos) / 2, so det(K) = 1 - k^2 is the
    squared area they span, from 0 (the same) to 1 (opposite). Two things differ from the paper: with its plain cosine opposite vectors
    would span nothing either, and the root that makes an area of det(K) has no gradient where partners meet.

    Args:
        left: Unit vectors, e.g. of photos.
        right: Unit vectors, e.g. of texts; row i is the partner of left row i.
        group: Rows of one group are not negatives of each other. A batch of one group costs 0.
        temperature: Divides the determinants; positive.
    """
    kernel = (1 + left @ right.T) / 2  # (batch left, batch right)
    return find_partners((kernel.square() - 1) / temperature, group)

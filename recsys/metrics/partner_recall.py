"""How often a vector finds its partner of the other modality first, or nearly so."""

import numpy as np
import numpy.typing as npt


def partner_recall_at_k(
    left: npt.NDArray[np.floating], right: npt.NDArray[np.floating], group: npt.NDArray[np.integer], *, k: int
) -> npt.NDArray[np.float64]:
    """Whether each left vector has its right partner among the k nearest by dot product: recall@k of image-text retrieval.

    Args:
        left: (pairs, dim), e.g. of photos.
        right: (pairs, dim), e.g. of texts; row i is the partner of left row i.
        group: (pairs,) rows of one group show or say the same; they do not compete with each other's partners.
        k: Ranks that count.

    Returns:
        (pairs,) 1 or 0. Strangers as near as the partner stand before it, so vectors that are all alike, or no numbers, find nothing.
    """
    scores = left @ right.T  # (left, right)
    own = scores.diagonal()[:, None]
    before = (~(scores < own) & (group[:, None] != group)).sum(axis=1)  # NaN is never below
    found: npt.NDArray[np.float64] = (before < k).astype(np.float64)
    return found

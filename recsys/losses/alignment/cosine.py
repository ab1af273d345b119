"""Partners point the same way."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def cosine(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean of 1 - cos(left, right), from 0 to 2: maximum cosine similarity (Chen and He, SimSiam, CVPR 2021, there with a stop-gradient).

    Nothing pushes strangers apart, so two learned sides may both shrink to one point; use it where one side is held by something else.

    Args:
        left: Vectors, e.g. of photos; their lengths do not count.
        right: Vectors, e.g. of texts; row i is the partner of left row i.
        group: Not used, there are no negatives; all alignment losses are called alike.
        temperature: Not used.
    """
    return (1 - F.cosine_similarity(left, right, dim=1)).mean()

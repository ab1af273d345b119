"""InfoNCE in both directions: each left vector must find its right partner among those of the batch, and the other way round."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def contrastive(
    left: Float[Tensor, "batch dim"],
    right: Float[Tensor, "batch dim"],
    group: Int[Tensor, " batch"],
    *,
    temperature: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean of the two directions' cross-entropies (van den Oord et al., 2018; both directions as in Radford et al., ICML 2021).

    Args:
        left: Unit vectors, e.g. of photos.
        right: Unit vectors, e.g. of texts; row i is the partner of left row i.
        group: Rows of one group show or say the same; they are not negatives of each other. A batch of one group costs 0.
        temperature: Divides the cosines; positive.
    """
    return find_partners(left @ right.T / temperature, group)


def find_partners(logits: Float[Tensor, "batch batch"], group: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Cross-entropy of picking the partner among the partner and all of other groups; mean over rows and over columns.

    Args:
        logits: How well each left row (rows) and each right row (columns) fit; partners are on the diagonal.
        group: Rows of one group are not negatives of each other.
    """
    same = group[:, None] == group  # (batch, batch)
    others = ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(same & others, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

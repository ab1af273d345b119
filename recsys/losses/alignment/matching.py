"""A judge learns to tell partners from the strangers that are most like them."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Matching(nn.Module):
    """Image-text matching with hard negatives of the batch (Li et al., ALBEF, NeurIPS 2021).

    The judge is a logistic regression on [left, right, left * right] that starts out as the cosine. Mean over rows of three binary
    cross-entropies: the row with its partner, with a stranger on the right, and its partner with a stranger on the left. The paper draws
    each stranger by softmax(cosine / temperature); here the cost is the mean over all draws, which is what drawing gives on average.

    Args:
        dim: Length of the vectors.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.stack([torch.zeros(dim), torch.zeros(dim), torch.ones(dim)]))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        left: Float[Tensor, "batch dim"],
        right: Float[Tensor, "batch dim"],
        group: Int[Tensor, " batch"],
        *,
        temperature: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        """The judge's cost, for itself and for both sides.

        Args:
            left: Unit vectors, e.g. of photos.
            right: Unit vectors, e.g. of texts; row i is the partner of left row i.
            group: Rows of one group are not negatives of each other. A row without negatives costs what its partner costs.
            temperature: Divides the cosines by which strangers are drawn; it gets no gradient.
        """
        of_left, of_right, of_both = self.weights
        logits = (left @ of_left)[:, None] + right @ of_right + (left * of_both) @ right.T + self.bias  # (batch left, batch right)
        negatives = group[:, None] != group  # (batch, batch)
        cosines = (left @ right.T / temperature).detach()
        drawn = _chances(cosines, negatives) + _chances(cosines.T, negatives).T
        return (F.softplus(-logits.diagonal()) + (drawn * F.softplus(logits)).sum(dim=1)).mean() / 3


def _chances(logits: Float[Tensor, "batch batch"], among: Bool[Tensor, "batch batch"]) -> Float[Tensor, "batch batch"]:
    """Softmax of each row among some columns; 0 elsewhere."""
    return logits.masked_fill(~among, torch.finfo(logits.dtype).min).softmax(dim=1) * among

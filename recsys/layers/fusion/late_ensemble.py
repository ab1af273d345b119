"""Late ensemble: every modality has coordinates, and so a score, of its own."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class LateEnsembleFusion(nn.Module):
    """Tokens side by side, each narrowed to a block of coordinates and times the root of its weight.

    So the dot product of two such vectors is a weighted sum of separate scores, one per block: late fusion (Snoek et al., ACM Multimedia
    2005) in one vector. Weights are shares of a softmax over the modalities that are there, as in `WeightedFusion`: the id starts with most
    of it, an absent modality is all zero and what it would have got goes to the others.

    Args:
        dim: Length of tokens and of the result, at least `num_modalities`.
        num_modalities: Tokens per item, the first being the id's.
        heads: Unused by this kind; every fusion is built with the same arguments.

    Raises:
        ValueError: There are fewer coordinates than tokens.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 1) -> None:
        super().__init__()
        if dim < num_modalities:
            raise ValueError(
                f"embedding_dim {dim} is too short for a late ensemble: the item id, each modality and each relation of [knowledge] need a "
                f"coordinate of their own, {num_modalities} in all"
            )
        each, left = divmod(dim, num_modalities)
        self.sizes = (each + left, *[each] * (num_modalities - 1))
        """Coordinates of each token's block, in order."""
        self.narrow = nn.Parameter(nn.init.orthogonal_(torch.empty(dim, dim)))  # a row per coordinate of the result
        self.logits = nn.Parameter(torch.tensor([0.0] + [-3.0] * (num_modalities - 1)))

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        logits = self.logits.expand_as(presence).masked_fill(~presence, float("-inf"))
        roots = (logits.log_softmax(dim=1) / 2).exp()  # (items, modalities); by the logarithm, for a root has no slope at 0
        there = (tokens.masked_fill(~presence[:, :, None], 0) * roots[:, :, None]).unbind(dim=1)  # (items, dim) each
        return torch.cat([token @ rows.T for token, rows in zip(there, self.narrow.split(self.sizes), strict=True)], dim=1)

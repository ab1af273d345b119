"""Attention over modalities: each head decides, item by item, which modality speaks."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class AttentionFusion(nn.Module):
    """Pool modality tokens by attention with one learned query per head (as the pooling of Lee et al., Set Transformer, ICML 2019).

    The query is fixed, so the key projection folds into it: a head scores a token by one dot product. What the heads gather is added to
    the first token (the item id's, or its absent token), so that an item with a long past starts out as its id and content refines it.

    Args:
        dim: Length of tokens and of the result.
        num_modalities: Tokens per item; each has a score of its own to start from.
        heads: Independent poolings, each `dim` long before the output projection.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 2) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(dim, heads) * dim**-0.5)
        self.modality_scores = nn.Parameter(torch.zeros(num_modalities, heads))
        self.gather = nn.Linear(heads * dim, dim, bias=False)

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item; presence is not asked: the token of an absent modality is attended to like any other, and so says it."""
        scores = tokens @ self.queries + self.modality_scores  # (items, modalities, heads)
        shares = scores.softmax(dim=1).transpose(1, 2)  # (items, heads, modalities)
        pooled = (shares @ tokens).flatten(1)  # (items, heads * dim)
        gathered: Tensor = self.gather(pooled)
        return tokens[:, 0] + gathered

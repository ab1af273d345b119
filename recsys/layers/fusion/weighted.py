"""Weighted addition: one learned weight per modality, the same for all items."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class WeightedFusion(nn.Module):
    """id + sum over content of weight * token; weights are shares of a softmax over the modalities that are there.

    As the mix of layers of Peters et al. (ELMo, NAACL 2018). The id takes part in the softmax and starts with most of it, so that content
    starts small; what an absent modality would have got goes to the others.

    Args:
        dim: Unused by this kind; every fusion is built with the same arguments.
        num_modalities: Tokens per item, the first being the id's.
        heads: Unused by this kind.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 1) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.0] + [-3.0] * (num_modalities - 1)))

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        shares = self.logits.expand_as(presence).masked_fill(~presence, float("-inf")).softmax(dim=1)  # (items, modalities)
        content = tokens.masked_fill(~presence[:, :, None], 0)[:, 1:]
        return tokens[:, 0] + (shares[:, 1:, None] * content).sum(dim=1)

"""Gated addition: the id, plus as much of each content modality as its gate lets through."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class GatedFusion(nn.Module):
    """id + sum over content of 2 sigmoid(gate) * token; the gates start nearly closed so that content cannot drown the id early on.

    Gates as in Arevalo et al. (Gated multimodal units, ICLR workshop 2017), but the same for all items. An absent modality adds nothing.

    Args:
        dim: Length of tokens and of the result.
        num_modalities: Tokens per item, the first being the id's.
        heads: Unused by this kind; every fusion is built with the same arguments.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 1) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.full((num_modalities - 1, dim), -3.0))

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        content = tokens.masked_fill(~presence[:, :, None], 0)[:, 1:]
        return tokens[:, 0] + (2 * self.gates.sigmoid() * content).sum(dim=1)

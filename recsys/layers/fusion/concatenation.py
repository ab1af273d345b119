"""Concatenation: all modalities side by side through a small network."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recsys.layers.layer_scale import LayerScale


class ConcatenationFusion(nn.Module):
    """id + network of all tokens side by side, zeros where a modality is absent (in the way of Ngiam et al., ICML 2011).

    A `LayerScale` after the network lets content start at a tenth.

    Args:
        dim: Length of tokens and of the result.
        num_modalities: Tokens per item, the first being the id's.
        heads: Unused by this kind; every fusion is built with the same arguments.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 1) -> None:
        super().__init__()
        self.mix = nn.Linear(num_modalities * dim, dim)
        self.project = nn.Linear(dim, dim)
        self.scale = LayerScale(dim, start=0.1)

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        joined = tokens.masked_fill(~presence[:, :, None], 0).flatten(1)  # (items, modalities * dim)
        said: Tensor = self.scale(self.project(F.gelu(self.mix(joined))))
        return tokens[:, 0] + said

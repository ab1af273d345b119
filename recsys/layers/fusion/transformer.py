"""Cross-modal transformer: modalities read one another before the id's token speaks for all."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recsys.layers.layer_scale import LayerScale
from recsys.layers.transformer import TransformerBlock


class TransformerFusion(nn.Module):
    """id + what one block of self-attention over the tokens adds to the id's.

    Each token is told which modality it is of by a learned vector, as the experts of Gabeur et al. (Multi-modal transformer, ECCV 2020);
    absent ones are not seen.
    The block normalises what it reads, so a token's own size does not keep it small at first: a `LayerScale` does.

    Args:
        dim: Length of tokens and of the result, a multiple of `heads`.
        num_modalities: Tokens per item, the first being the id's.
        heads: Attention heads.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 2) -> None:
        super().__init__()
        self.modalities = nn.Parameter(torch.randn(num_modalities, dim) * 0.05)
        self.block = TransformerBlock(dim, heads=heads, dropout=0.0)
        self.scale = LayerScale(dim, start=0.02)

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        states = tokens + self.modalities
        added = (self.block(states, visible=presence) - states)[:, 0]  # (items, modalities, dim) -> (items, dim)
        said: Tensor = self.scale(added)
        return tokens[:, 0] + said

"""Pooling: modalities count alike, however many an item has."""

from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn

from recsys.layers.layer_scale import LayerScale


class PooledFusion(nn.Module):
    """id + `LayerScale` of the mean or the maximum over the tokens that are there, the id's among them.

    The mean over what is there is that of Havaei et al. (HeMIS, MICCAI 2016), the maximum per coordinate that of Su et al. (multi-view CNN,
    ICCV 2015). The scale starts at a tenth, so that content starts small.

    Args:
        dim: Length of tokens and of the result.
        num_modalities: Unused by this kind; every fusion is built with the same arguments.
        heads: Unused by this kind.
        pool: `mean` or `max`.
    """

    def __init__(self, dim: int, num_modalities: int, *, heads: int = 1, pool: Literal["mean", "max"]) -> None:
        super().__init__()
        self.pool = pool
        self.scale = LayerScale(dim, start=0.1)

    def forward(
        self, tokens: Float[Tensor, "items modalities dim"], presence: Bool[Tensor, "items modalities"]
    ) -> Float[Tensor, "items dim"]:
        """One vector per item."""
        absent = ~presence[:, :, None]  # (items, modalities, 1)
        if self.pool == "mean":
            pooled = tokens.masked_fill(absent, 0).sum(dim=1) / presence.sum(dim=1, keepdim=True)
        else:
            pooled = tokens.masked_fill(absent, float("-inf")).amax(dim=1)
        said: Tensor = self.scale(pooled)
        return tokens[:, 0] + said

"""A branch that starts out quiet and learns how loud to be."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LayerScale(nn.Module):
    """Multiply each coordinate by a learned factor that starts small (Touvron et al., Going deeper with image transformers, ICCV 2021).

    Args:
        dim: Coordinates.
        start: All factors at first.
    """

    def __init__(self, dim: int, *, start: float) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.full((dim,), start))

    def forward(self, branch: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """The branch at its present loudness."""
        return branch * self.factors

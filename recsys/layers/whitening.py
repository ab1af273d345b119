"""Content vectors made fit for a tower: centred, decorrelated, shortened, of one length, and weighed."""

import itertools

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

FIRST_BAND = 8
"""Directions of the first band; each further band ends at twice the end of the one before."""


class Whitening(nn.Module):
    """x -> (x - mean) W along the directions of greatest variance, scaled half way between raw and white, to one length, and weighed.

    White vectors (unit variance in every direction) make as much of noise as of what tells items apart, raw ones little of anything but
    the first directions; half way between, dot products are the better search for items alike. The length is the root of the dimension, so
    that a coordinate is about 1. What runs of directions, the bands, are worth in the end is for the log to say: see `weigh`.

    Args:
        input_dim: Length of the vectors as encoded.
        output_dim: Length kept.
    """

    mean: Tensor
    projection: Tensor
    scale: Tensor

    def __init__(self, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(input_dim))
        self.register_buffer("projection", torch.zeros(input_dim, output_dim))
        self.register_buffer("scale", torch.ones(output_dim))

    @property
    def bands(self) -> list[slice]:
        """Directions that are weighed together, greatest variance first."""
        size = len(self.scale)
        ends = [0]
        while ends[-1] < size:
            ends.append(min(size, max(FIRST_BAND, 2 * ends[-1])))
        return list(itertools.starmap(slice, itertools.pairwise(ends)))

    def fit(self, vectors: npt.NDArray[np.float32]) -> None:
        """Learn from (items, input_dim) vectors; fewer items than dimensions leave the surplus outputs at zero."""
        input_dim, output_dim = self.projection.shape
        if len(vectors) < 2:
            return
        mean = vectors.mean(0, dtype=np.float64)
        centred = vectors - mean
        values, directions = _principal(centred)
        values, directions = values[:output_dim], directions[:, :output_dim]
        sign = np.sign(directions[np.abs(directions).argmax(0), np.arange(directions.shape[1])])  # eigenvectors have no sign of their own
        kept = values > 1e-6 * values[0]
        scale = np.where(kept, np.where(kept, values, 1) ** -0.25, 0)
        projection = np.zeros((input_dim, output_dim))
        projection[:, : len(scale)] = directions * sign * scale
        self.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        self.projection.copy_(torch.from_numpy(projection.astype(np.float32)))

    def weigh(self, worth: Float[Tensor, " bands"]) -> None:
        """Let dot products within each band count `worth` times as much as they would unweighed."""
        for value, band in zip(worth, self.bands, strict=True):
            self.scale[band] = value.sqrt()

    @property
    def worth(self) -> Float[Tensor, " bands"]:
        """What each band has been weighed with."""
        return torch.stack([self.scale[band.start] for band in self.bands]).square()

    def forward(self, vectors: Float[Tensor, "items input_dim"]) -> Float[Tensor, "items output_dim"]:
        """Vectors of length sqrt(output_dim), were every band worth 1; zero where nothing is left."""
        turned: Tensor = self.unit(vectors) * self.projection.shape[1] ** 0.5 * self.scale
        return turned

    def unit(self, vectors: Float[Tensor, "items input_dim"]) -> Float[Tensor, "items output_dim"]:
        """The same of unit length and not weighed."""
        turned: Tensor = F.normalize((vectors - self.mean) @ self.projection, dim=1)
        return turned


def _principal(centred: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Variances, greatest first, and their directions (input_dim, variances); of few items, without the matrix of all dimensions."""
    if len(centred) < centred.shape[1]:
        _, spread, directions = np.linalg.svd(centred, full_matrices=False)
        return spread**2 / (len(centred) - 1), directions.T
    values, directions = np.linalg.eigh(centred.T @ centred / (len(centred) - 1))
    return values[::-1], directions[:, ::-1]

"""How alike the contents of two items are, of which nothing is learned: what a new item has before anybody has met it."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from recsys.data.tensors import ItemBatch
from recsys.models.item_tower import ItemTower

DIM = 64
"""Directions kept of all content together."""


class Likeness(nn.Module):
    """Content as vectors of unit length, whose dot product says how alike two items are.

    Training turns the coordinates of `ContentMatch` towards what known items need of them; what lies in the rarer directions of a text is
    lost there, and new items are found by it. So content is whitened as the tower does, each modality weighed as a whole as the log has
    weighed its bands, and shortened to its leading directions.

    Args:
        content_dims: modality -> length of its whitened vectors, in the order of the item tower.
    """

    directions: Tensor

    def __init__(self, content_dims: dict[str, int]) -> None:
        super().__init__()
        size = sum(content_dims.values())
        self.dim = min(DIM, size)
        self.register_buffer("directions", torch.eye(size, self.dim))

    def fit(self, tower: ItemTower, items: ItemBatch) -> None:
        """Learn the leading directions from items, content as it is encoded."""
        content = self._content(tower, items)
        alike = (content.T @ content).double().numpy()
        directions = torch.from_numpy(np.linalg.eigh(alike)[1]).flip(1)[:, : self.dim]  # those of the greatest values
        sign = directions.gather(0, directions.abs().argmax(0, keepdim=True)).sign()  # eigenvectors have no sign of their own
        self.directions.copy_(directions * sign)

    def forward(self, tower: ItemTower, items: ItemBatch) -> Float[Tensor, "items dim"]:
        """Of items, content as it is encoded; zero where there is none."""
        return F.normalize(self._content(tower, items) @ self.directions, dim=1)

    def _content(self, tower: ItemTower, items: ItemBatch) -> Float[Tensor, "items dims"]:
        units = tower.content_units(items)
        return torch.cat([torch.where(items.presence[name][:, None], unit, 0.0) for name, unit in units.items()], dim=1)

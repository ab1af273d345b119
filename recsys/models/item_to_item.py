"""Parts of a score that no gradient has shaped: what each item of a history says for a candidate, summed."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

LINEAR = "linear"
"""Weights between items that the log gives in closed form; see `recsys.training.linear_part`."""
LIKENESS = "likeness"
"""How alike the contents of two items are; see `recsys.models.likeness`."""


@dataclass(frozen=True, kw_only=True)
class ItemToItem:
    """A sum over the events of a history, over the root of their number, of what the item of each says for a candidate.

    What one item says for another is the dot product of the first as it is read and the second as it is scored. The two differ by a factor
    of each item alone, so an item has `dim` coordinates as a candidate and, behind them, how many times as long it is when it is read.
    """

    name: str
    """`LINEAR` or `LIKENESS`."""
    dim: int
    weight: float
    """What it counts beside the scores of the towers, at least 0."""
    kind_worth: tuple[float, ...]
    """(NUM_KINDS,): how much an event of each `Kind` says; that of padding, which is the first, is 0."""

    @property
    def size(self) -> int:
        """Coordinates of an item, and of a user, that it takes."""
        return self.dim + 1

    def ask(self, columns: Float[Tensor, "batch length size"], kinds: Int[Tensor, "batch length"]) -> Float[Tensor, "batch size"]:
        """What users of these histories bring to a dot product with the coordinates of candidates.

        Args:
            columns: Of the items of the events.
            kinds: `Kind` of each event, 0 for padding.
        """
        worth = torch.tensor(self.kind_worth, dtype=columns.dtype, device=columns.device)[kinds]  # (batch, length)
        read = columns[..., :-1] * columns[..., -1:] * worth[..., None]
        number = (worth > 0).sum(dim=1, keepdim=True).clamp(min=1)
        asked = self.weight * read.sum(dim=1) / number.sqrt()
        return torch.cat([asked, torch.zeros_like(asked[:, :1])], dim=1)

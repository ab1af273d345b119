"""Parts of a score that training does not touch: what each item of a history says for a candidate, summed over the whole history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.data.interactions import Interactions

BEHIND = 2
"""Last coordinates: of an item, its bias and the log of its popularity; of a user, 1 and what popularity counts."""
LINEAR = "linear"
"""Weights between items that the log gives in closed form; see `recsys.training.linear_part`."""
LIKENESS = "likeness"
"""How alike the contents of two items are; see `recsys.models.likeness`."""
PartName = Literal["linear", "likeness"]
EVENTS_AT_ONCE = 131_072


@dataclass(frozen=True, kw_only=True)
class ItemToItem:
    """A sum over all events of a history, over the root of their number, of what the item of each says for a candidate.

    What one item says for another is the dot product of the first as it is read and the second as it is scored. The two differ by a factor
    of each item alone, so an item has `dim` coordinates as a candidate and, behind them, how many times as long it is when it is read.
    """

    name: str
    """`LINEAR` or `LIKENESS`."""
    dim: int
    weight: float
    """What it counts beside the scores of the towers, above 0."""
    kind_worth: tuple[float, ...]
    """(NUM_KINDS,): how much an event of each `Kind` says, at least 0."""

    @property
    def size(self) -> int:
        """Coordinates of an item, and of a user, that it takes."""
        return self.dim + 1

    @staticmethod
    def read(told: Mapping[str, Any]) -> "ItemToItem":
        """What a release or a retriever says of one, in JSON."""
        return ItemToItem(**{**told, "kind_worth": tuple(told["kind_worth"])})

    def ask(self, columns: npt.NDArray[np.float32], past: Interactions) -> npt.NDArray[np.float32]:
        """(users, size): what users bring to a dot product with the coordinates of candidates.

        Args:
            columns: (items, size) coordinates of all items.
            past: Distinct events of these users.
        """
        asked = np.zeros((past.num_users, self.size), np.float32)
        first = 0
        while first < past.num_users:  # users whose events are few enough together, at least one
            last = max(first + 1, int(np.searchsorted(past.offsets, past.offsets[first] + EVENTS_AT_ONCE, side="right")) - 1)
            asked[first:last, :-1] = self._said(columns, past, slice(first, last))
            first = last
        return asked

    def _said(self, columns: npt.NDArray[np.float32], past: Interactions, users: slice) -> npt.NDArray[np.float32]:
        offsets = past.offsets[users.start : users.stop + 1]
        events = slice(offsets[0], offsets[-1])
        worth = np.array(self.kind_worth, np.float32)[past.kind[events]]
        read = columns[past.item_index[events]]
        read *= (read[:, -1] * worth)[:, None]
        each = np.ones(len(read), np.float32), np.arange(len(read)), offsets - offsets[0]
        of_user = sp.csr_matrix(each, shape=(len(offsets) - 1, len(read)))
        number = np.maximum(of_user @ (worth > 0).astype(np.float32), 1)
        said: npt.NDArray[np.float32] = self.weight * (of_user @ read)[:, :-1] / np.sqrt(number)[:, None]
        return said


def with_asked_parts(
    towers: npt.NDArray[np.float32], parts: Sequence[ItemToItem], item_vectors: npt.NDArray[np.float32], past: Interactions
) -> npt.NDArray[np.float32]:
    """(users, all dims): user vectors with the coordinates of further parts of the score in front of those BEHIND.

    Args:
        towers: (users, dim + BEHIND) what the user tower says.
        parts: In the order of their coordinates.
        item_vectors: (items, all dims)
        past: Distinct events of these users.
    """
    start = towers.shape[1] - BEHIND
    asked = [towers[:, :start]]
    for part in parts:
        asked.append(part.ask(item_vectors[:, start : start + part.size], past))
        start += part.size
    return np.concatenate([*asked, towers[:, -BEHIND:]], axis=1)

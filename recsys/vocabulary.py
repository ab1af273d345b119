"""item_id (the shop's) <-> item_index (row of an embedding table). Append-only: an item keeps its row for ever."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

UNKNOWN = -1
"""Index of an item that has no row."""


class Vocabulary:
    """The rows of one catalogue.

    Args:
        item_ids: Ids in row order, each once.

    Raises:
        ValueError: An id occurs twice.
    """

    def __init__(self, item_ids: Sequence[str]) -> None:
        self._ids = list(item_ids)
        self._rows = {item_id: row for row, item_id in enumerate(self._ids)}
        if len(self._rows) != len(self._ids):
            raise ValueError(f"{len(self._ids) - len(self._rows)} item ids occur twice; each item has one row")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    @property
    def item_ids(self) -> Sequence[str]:
        """Ids in row order."""
        return self._ids

    def index(self, item_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row of each id; UNKNOWN (-1) for an id that has none."""
        return np.fromiter((self._rows.get(item_id, UNKNOWN) for item_id in item_ids), dtype=np.int64)

    def ids(self, item_index: Iterable[int]) -> list[str]:
        """Id of each row."""
        return [self._ids[row] for row in item_index]

    def extended(self, item_ids: Iterable[str]) -> "Vocabulary":
        """The same rows and, behind them, one for each id that had none."""
        return Vocabulary([*self._ids, *(item_id for item_id in dict.fromkeys(item_ids) if item_id not in self._rows)])

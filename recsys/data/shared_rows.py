"""Items that share rows of an id table by a hash of their ids, and how crowded the rows are."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt


def hashed_rows(item_ids: Sequence[str], *, rows: int) -> npt.NDArray[np.int64]:
    """Row of each item, for ever: a hash of its id alone, the same in every process (the hashing trick: Weinberger et al., ICML 2009).

    One hash, not a sum of two: items that share a row still differ in their biases and their content, which a second hash would cost twice
    the lookups to add to.

    Args:
        item_ids: The shop's ids.
        rows: Rows to share, at least 1.
    """
    hashes = (int.from_bytes(blake2b(item_id.encode(), digest_size=8).digest(), "little") for item_id in item_ids)
    return np.fromiter((number % rows for number in hashes), np.int64, len(item_ids))


@dataclass(frozen=True, kw_only=True)
class Collisions:
    """How crowded the rows of an id table are."""

    items: int
    """Those that read a row."""
    rows: int
    sharing: int
    """Items that are not alone in their row."""
    expected_sharing: float
    """What `sharing` is on average when items fall into rows by chance."""
    greatest_load: int
    """Items in the most crowded row."""


def count_collisions(row: npt.NDArray[np.int64], *, rows: int) -> Collisions:
    """Account for items in rows.

    Args:
        row: (items,) row of each item.
        rows: Rows there are.
    """
    load = np.bincount(row, minlength=rows)
    alone = (1 - 1 / rows) ** max(len(row) - 1, 0)  # the chance that none of the others falls into an item's row
    return Collisions(
        items=len(row),
        rows=rows,
        sharing=int(load[load > 1].sum()),
        expected_sharing=len(row) * (1 - alone),
        greatest_load=int(load.max(initial=0)),
    )

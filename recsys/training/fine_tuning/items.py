"""What is learned from: items with photos and texts, and pairs of items that users wanted one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from jaxtyping import UInt8
from scipy.sparse.csgraph import connected_components
from torch import Tensor

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PairItems:
    """Items by row; each has a photo, a text or both."""

    pixels: UInt8[Tensor, "photos 3 size size"]
    photo: Rows
    """(items,): row of `pixels`; -1 where an item has no photo."""
    fields: Sequence[Sequence[str]]
    """Of each item what its text fields say, those that say nothing left out; none: no text."""
    group: Rows
    """(items,): equal where items show or say the same; see `same_content`."""
    co_clicks: Rows
    """(pairs, 2): rows of items; pairs of one group are not among them."""
    held_out: npt.NDArray[np.bool_]
    """(items,): not learned from."""

    def __len__(self) -> int:
        return len(self.photo)

    @property
    def has_photo(self) -> npt.NDArray[np.bool_]:
        """(items,)"""
        return self.photo >= 0

    @property
    def has_text(self) -> npt.NDArray[np.bool_]:
        """(items,)"""
        return np.array([len(fields) > 0 for fields in self.fields], dtype=bool)

    def described(self, *, held_out: bool) -> Rows:
        """Rows of items with photo and text."""
        return np.flatnonzero(self.has_photo & self.has_text & (self.held_out == held_out))

    def clicked(self, *, held_out: bool) -> Rows:
        """(pairs, 2): co-click pairs; those with an item that is held out are held out."""
        pairs: Rows = self.co_clicks[self.held_out[self.co_clicks].any(axis=1) == held_out]
        return pairs


def same_content(photos: Sequence[object], texts: Sequence[str]) -> Rows:
    """(items,): a number per group of items that are joined by equal photos or equal texts.

    Args:
        photos: Of each item, e.g. a digest; None: none.
        texts: Of each item; empty: none.
    """
    numbers: dict[object, int] = {}
    contents = [("photo", photo) for photo in photos] + [("text", text) for text in texts]
    owners = [*range(len(photos)), *range(len(texts))]
    known = [at for at, (_, content) in enumerate(contents) if content]
    ends = np.array([len(photos) + numbers.setdefault(contents[at], len(numbers)) for at in known], np.int64)
    starts = np.array([owners[at] for at in known], np.int64)
    size = len(photos) + len(numbers)
    joined = sp.coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(size, size))
    return np.asarray(connected_components(joined, directed=False)[1][: len(photos)], np.int64)


def hold_out(group: Rows, *, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """(items,): a random share of the groups, at least one; a group is held out as a whole."""
    groups = np.unique(group)
    chosen = np.random.default_rng(seed).choice(groups, max(1, round(share * len(groups))), replace=False)
    return np.isin(group, chosen)


def deal_pairs(pairs: Rows, group: Rows, *, batch: int, batches: int) -> list[Rows]:
    """Batches of pairs in which no group of items comes twice, so that every other pair holds negatives.

    Args:
        pairs: (pairs, 2) rows of items, in the order in which they are dealt; a pair that does not fit waits for the next batch.
        group: (items,)
        batch: Pairs per batch, at most.
        batches: How many are dealt; the last ones may be empty.
    """
    waiting, dealt = list(range(len(pairs))), []
    for _ in range(batches):
        used: set[int] = set()
        chosen: list[int] = []
        later: list[int] = []
        for at, row in enumerate(waiting):
            if len(chosen) == batch:
                later += waiting[at:]
                break
            ends = set(group[pairs[row]].tolist())
            if used & ends:
                later.append(row)
            else:
                used |= ends
                chosen.append(row)
        dealt.append(pairs[chosen])
        waiting = later
    return dealt

"""A modality whose vectors somebody else has computed: they are looked up, not encoded."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.encoders.content import Encoded, sound


class GivenContent:
    """Vectors by item_id, kept as they are: scaled to one length or not, as their maker left them.

    Args:
        place: item_id -> row of `vectors`; any other item lacks the modality.
        vectors: (given, dim), all of one encoder.
        refused: item_id -> why its vector cannot be taken.
        version: Of what has encoded them; see `Encoder`.
    """

    def __init__(self, place: Mapping[str, int], vectors: npt.NDArray[np.float32], refused: Mapping[str, str], *, version: str) -> None:
        self._place, self._vectors, self._refused = place, vectors, refused
        self._rows: list[int | None] = []
        self.version, self.dim = version, vectors.shape[1]

    def in_fp32(self) -> "GivenContent":
        """See `Content`."""
        return self

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        """See `Content`; the digest is that of the vector's bytes."""
        self._rows = [self._place.get(item_id) for item_id in items["item_id"]]
        reasons = {at: self._refused[item_id] for at, item_id in enumerate(items["item_id"]) if item_id in self._refused}
        return ["" if row is None else hashlib.sha256(self._vectors[row].tobytes()).hexdigest() for row in self._rows], reasons

    def encode(self, rows: Sequence[int]) -> Encoded:
        """See `Content`; a vector that is zero or not finite has a reason instead."""
        places = {row: place for row in rows if (place := self._rows[row]) is not None}
        return sound(list(places), self._vectors[list(places.values())], cause=" in its file")

    def truncated(self, items: pl.DataFrame) -> int:
        """See `Content`; nothing is cut."""
        return 0

"""What items show and say, modality by modality: read it, know it again by its digest, encode it."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import Tensor

from recsys.encoders.image import ImageEncoder
from recsys.encoders.item_text import compose_text
from recsys.encoders.photo_files import UnreadablePhotoError
from recsys.encoders.photo_formats import decode_photo
from recsys.encoders.precision import best_device
from recsys.encoders.protocol import DAMAGED, why_unusable
from recsys.encoders.text import TextEncoder
from recsys.encoders.tokens import Tokens

DECODERS = 2
"""Threads that decode photos while the model works on earlier ones; beside a GPU, whose work leaves the cores idle, as many as cores."""
DECODED_AHEAD = 8
"""Batches of photos in memory as pixels."""


@dataclass(frozen=True)
class Encoded:
    """Outcome by row."""

    vectors: Mapping[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    """Why a row has no vector though it has content."""


class Content(Protocol):
    """One modality of a run of items: `read` them, then `encode` some of those rows."""

    @property
    def version(self) -> str:
        """Of the encoder; see `Encoder`."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def in_fp32(self) -> Self:
        """The same modality by the same weights in fp32; itself where that is what it computes in."""

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        """Take in the content of each item, a row of the table `catalogue`.

        Returns:
            A digest per item, empty where there is nothing to encode; and, by row, why something named could not be read.
        """

    def encode(self, rows: Sequence[int]) -> Encoded:
        """Vectors of some of the rows that were read last."""

    def truncated(self, items: pl.DataFrame) -> int:
        """How many of the items read last are longer than the encoder reads."""


class TextContent:
    """Texts made of catalogue columns.

    Args:
        encoder: Encodes them.
        fields: Columns that are joined; see `compose_text`.
    """

    def __init__(self, encoder: TextEncoder, fields: Sequence[str]) -> None:
        self.encoder, self._fields = encoder, fields
        self._tokens = Tokens([], [])
        self.version, self.dim = encoder.version, encoder.dim

    def in_fp32(self) -> "TextContent":
        """See `Content`."""
        exact = self.encoder.in_fp32()
        return self if exact is self.encoder else TextContent(exact, self._fields)

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        """See `Content`; an item without words has an empty digest."""
        texts = [compose_text(item, self._fields) for item in items.iter_rows(named=True)]
        self._tokens = self.encoder.tokenize(texts)
        return [hashlib.sha256(text.encode()).hexdigest() if text else "" for text in texts], {}

    def encode(self, rows: Sequence[int]) -> Encoded:
        """See `Content`; a text whose vector cannot be used has a reason instead."""
        return sound(rows, self.encoder.encode_tokens([self._tokens.ids[row] for row in rows]))

    def truncated(self, items: pl.DataFrame) -> int:
        """See `Content`."""
        return sum(self._tokens.cut)


class ImageContent:
    """Photos.

    Args:
        encoder: Encodes them.
        read: The bytes behind an `image_uri`; raises UnreadablePhotoError where there are none.
    """

    def __init__(self, encoder: ImageEncoder, read: Callable[[str], bytes]) -> None:
        self.encoder, self._read = encoder, read
        self._files: dict[int, str] = {}
        self.version, self.dim = encoder.version, encoder.dim

    def in_fp32(self) -> "ImageContent":
        """See `Content`."""
        exact = self.encoder.in_fp32()
        return self if exact is self.encoder else ImageContent(exact, self._read)

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        """See `Content`; bytes are not held, so memory does not grow with the shard."""
        self._files = {row: uri for row, uri in enumerate(items["image_uri"]) if uri is not None}
        digests, reasons = [""] * len(items), {}
        for row, uri in self._files.items():
            try:
                digests[row] = hashlib.sha256(self._read(uri)).hexdigest()
            except UnreadablePhotoError as error:
                reasons[row] = str(error)
        return digests, reasons

    def encode(self, rows: Sequence[int]) -> Encoded:
        """See `Content`; a corrupt photo, or one whose vector cannot be used, has a reason instead."""
        vectors: dict[int, npt.NDArray[np.float32]] = {}
        reasons: dict[int, str] = {}
        group = self.encoder.batch * DECODED_AHEAD
        with ThreadPoolExecutor(max_workers=_decoders()) as pool:
            ahead = pool.map(self._pixels, rows[:group])
            for start in range(0, len(rows), group):
                decoded = list(zip(rows[start : start + group], ahead, strict=True))
                ahead = pool.map(self._pixels, rows[start + group : start + 2 * group])
                good = [(row, pixels) for row, pixels in decoded if isinstance(pixels, Tensor)]
                reasons.update({row: found for row, found in decoded if isinstance(found, str)})
                encoded = sound([row for row, _ in good], self.encoder.encode([pixels for _, pixels in good]))
                vectors.update(encoded.vectors)
                reasons.update(encoded.reasons)
        return Encoded(vectors, reasons)

    def truncated(self, items: pl.DataFrame) -> int:
        """See `Content`; photos are resized, never cut short."""
        return 0

    def _pixels(self, row: int) -> Tensor | str:
        try:
            return self.encoder.prepare(self._read(self._files[row]))
        except UnreadablePhotoError as error:
            return str(error)


def _decoders() -> int:
    return max(DECODERS, len(os.sched_getaffinity(0))) if best_device().type == "cuda" else DECODERS


class UnencodedPhotos:
    """Photos that no encoder reads: every item lacks the modality, and one whose photo cannot be used has a reason all the same.

    Args:
        read: The bytes behind an `image_uri`; raises UnreadablePhotoError where there are none.
    """

    version = "none"
    dim = 1

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read

    def in_fp32(self) -> "UnencodedPhotos":
        """See `Content`."""
        return self

    def read(self, items: pl.DataFrame) -> tuple[list[str], Mapping[int, str]]:
        """See `Content`; nothing is to be encoded, so what `ImageContent.encode` would refuse is refused here."""
        reasons = {}
        for row, uri in enumerate(items["image_uri"]):
            if uri is not None:
                try:
                    decode_photo(self._read(uri), smallest_side=1)
                except UnreadablePhotoError as error:
                    reasons[row] = str(error)
        return [""] * len(items), reasons

    def encode(self, rows: Sequence[int]) -> Encoded:
        """See `Content`."""
        return Encoded()

    def truncated(self, items: pl.DataFrame) -> int:
        """See `Content`."""
        return 0


def sound(rows: Sequence[int], vectors: npt.NDArray[np.float32], *, cause: str = DAMAGED) -> Encoded:
    """The vectors of these rows that can be used, and reasons for the others; see `why_unusable`."""
    spoilt = why_unusable(vectors, cause=cause)
    usable = {row: vectors[at] for at, row in enumerate(rows) if at not in spoilt}
    return Encoded(usable, {rows[at]: reason for at, reason in spoilt.items()})

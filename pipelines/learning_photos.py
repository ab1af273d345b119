"""Photos of a catalogue in memory, to learn from."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import torch
from jaxtyping import UInt8
from torch import Tensor

from recsys.encoders.photo_decoding import prepare_photo
from recsys.encoders.photo_files import UnreadablePhotoError


def load_photos(
    catalogue: pl.DataFrame, read: Callable[[str], bytes], *, size: int, crop: float = 1.0
) -> tuple[list[int], UInt8[Tensor, "photos 3 size size"], list[bytes]]:
    """Photos of a catalogue that can be read.

    Args:
        catalogue: Rows of the table `catalogue`.
        read: The bytes behind an `image_uri`; raises UnreadablePhotoError where there are none.
        size: Pixels per side.
        crop: Share of a photo's shorter side that is looked at.

    Returns:
        Rows of the catalogue, the pixels, and a digest of the bytes of each photo.
    """
    has = np.flatnonzero(catalogue["image_uri"].is_not_null().to_numpy())

    def load(uri: str) -> tuple[bytes, Tensor] | None:
        try:
            content = read(uri)
            return hashlib.sha256(content).digest(), prepare_photo(content, size=size, crop=crop)
        except UnreadablePhotoError:
            return None

    with ThreadPoolExecutor(max_workers=2) as pool:
        loaded = list(pool.map(load, catalogue["image_uri"].gather(has)))
    good = [(int(row), entry) for row, entry in zip(has, loaded, strict=True) if entry is not None]
    pixels = torch.stack([entry[1] for _, entry in good]) if good else torch.zeros(0, 3, size, size, dtype=torch.uint8)
    return [row for row, _ in good], pixels, [entry[0] for _, entry in good]

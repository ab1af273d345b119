"""Product photos small enough to travel inside a page."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SIDE_PIXELS = 132


class Thumbnails:
    """Photos of items as data URIs.

    Args:
        root: Folder of all photos; a path that leads out of it is not read.
        image_uris: Path below the root of each item's photo, by item_index; None where it has none.
    """

    def __init__(self, root: Path, image_uris: Sequence[str | None]) -> None:
        self._root = root.resolve()
        self._uris = image_uris

    def __call__(self, item_index: int) -> str | None:
        """A JPEG data URI, or None where the item has no photo, or none that can be read."""
        uri = self._uris[item_index]
        if not uri or "://" in uri:
            return None
        path = (self._root / uri).resolve()
        if not path.is_relative_to(self._root) or not path.is_file():
            return None
        try:
            with Image.open(path) as photo:
                photo.draft("RGB", (SIDE_PIXELS * 2, SIDE_PIXELS * 2))
                small = photo.convert("RGB")
                small.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
            return None  # embed_items has reported it; here the placeholder tile stands for it
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=72)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

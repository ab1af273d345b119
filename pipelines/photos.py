"""The bytes of an item's photo, wherever its `image_uri` points."""

import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import FETCHED_IMAGES
from pipelines.config import Config
from pipelines.fetching.store import PhotoStore
from recsys.encoders.photo_files import UnreadablePhotoError, read_photo


class ItemPhotos:
    """Photos below the image root, and those that `fetch_images` has brought.

    Args:
        config: Names the root.
        fetched: The table `fetched_images`.
    """

    def __init__(self, config: Config, fetched: TableReader) -> None:
        self._digests = _digests(fetched.scan(FETCHED_IMAGES).collect())
        self._store = PhotoStore(config.open_workspace().fetched_images)
        self._root = config.resolve(config.sources.images)

    def add_fetched(self, images: pl.DataFrame) -> None:
        """Read these rows of `fetched_images`, too, before those of the table."""
        self._digests |= _digests(images)

    def read(self, image_uri: str) -> bytes:
        """The bytes of a photo.

        Raises:
            UnreadablePhotoError: It was not fetched, or its file cannot be read; see `read_photo`.
        """
        digest = self._digests.get(image_uri)
        if digest is None:
            return read_photo(self._root, image_uri)
        try:
            return self._store.path(digest).read_bytes()
        except OSError as error:
            raise UnreadablePhotoError(f"unreadable: {error.strerror}") from error


def _digests(images: pl.DataFrame) -> dict[str, str]:
    return dict(images.filter(pl.col("digest").is_not_null()).select("uri", "digest").iter_rows())

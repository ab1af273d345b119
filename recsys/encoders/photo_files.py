"""Read the photos of a catalogue from disk, and nothing else from disk."""

from pathlib import Path

MAX_BYTES = 64 * 2**20
"""A larger file is not a product photo."""


class UnreadablePhotoError(Exception):
    """A photo cannot be used; the text is the reason that stands in quarantine."""


def read_photo(root: Path, image_uri: str) -> bytes:
    """The bytes of a photo.

    Args:
        root: Folder of all photos; it may itself be a link.
        image_uri: Path below the root, as the catalogue has it.

    Raises:
        UnreadablePhotoError: It is a URL, lies outside the root once links are followed, is missing, empty, no file, or above MAX_BYTES.
    """
    if "://" in image_uri:
        raise UnreadablePhotoError("remote: not fetched, and only files below the image root are read")
    try:
        real_root = root.resolve(strict=True)
        path = (real_root / image_uri).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadablePhotoError("missing: no such file below the image root") from error
    if not path.is_relative_to(real_root):
        raise UnreadablePhotoError("outside: the path leaves the image root")
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_BYTES:
            raise UnreadablePhotoError(f"too large: {size_bytes} bytes, at most {MAX_BYTES} are read")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"unreadable: {error.strerror}") from error
    if not content:
        raise UnreadablePhotoError("empty: the file holds no bytes")
    return content

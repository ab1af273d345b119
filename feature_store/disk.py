"""A disk that is full, told as such by whatever was writing."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from feature_store.errors import FeatureStoreError, FullDiskError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS = (*(f"(os error {number})" for number in _FULL), os.strerror(errno.ENOSPC), "disk is full")
"""What libraries say that tell no number."""
NOTHING_LEFT_BYTES = 2**18
"""With less room than this, what went wrong went wrong for lack of it: some libraries (torch) do not say why they could not write."""


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Do nothing but tell of a full disk.

    Args:
        folder: An existing one, on the disk that is written to.

    Raises:
        FullDiskError: There was no room for what was written.
    """
    try:
        yield
    except FeatureStoreError:
        raise
    except Exception as error:
        if not folder.exists():
            raise
        free = shutil.disk_usage(folder).free
        said = getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _WORDS)
        if not said and free >= NOTHING_LEFT_BYTES:
            raise
        raise FullDiskError(
            f"no room to write in {folder} ({str(error).partition(chr(10))[0]}); {free / 2**20:,.0f} MiB are free there. "
            f"What stood before still stands: make room and run the same command again."
        ) from error

"""A disk that is full, told as such by whatever was writing."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from feature_store.errors import FullDiskError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
    except (OSError, pl.exceptions.PolarsError) as error:
        if getattr(error, "errno", None) not in _FULL and not any(f"(os error {number})" in str(error) for number in _FULL):
            raise
        free = shutil.disk_usage(folder).free / 2**20
        raise FullDiskError(
            f"no room to write in {folder} ({str(error).splitlines()[0]}); {free:,.0f} MiB are free there. "
            f"What stood before still stands: make room and run the same command again."
        ) from error

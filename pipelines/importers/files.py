"""The files of a source: found by name, read whole, or block by block where they may be larger than the memory."""

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from pipelines.importers.landing import ImportSourceError
from pipelines.progress import Progress

BLOCK_BYTES = 32 * 2**20


def find_file(source: Path, *patterns: str, advice: str) -> Path:
    """The one file of a folder whose name fits a pattern.

    Args:
        source: The folder.
        patterns: As for a shell, `*_wines.csv`; any of them will do.
        advice: What to do if there is no such file, or several.

    Raises:
        ImportSourceError: There is none, or several.
    """
    found = sorted({path for pattern in patterns for path in source.glob(pattern) if path.is_file()})
    if len(found) != 1:
        there = ", ".join(sorted(path.name for path in source.iterdir())[:10]) if source.is_dir() else ""
        names = ", ".join(path.name for path in found) or f"none among {there or 'no files at all'}"
        raise ImportSourceError(f"{source} must hold one file {' or '.join(patterns)}, found {names}; {advice}")
    return found[0]


def read_csv(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """All rows and columns of a CSV file as texts; nothing between two commas is null.

    Raises:
        ImportSourceError: It is damaged, or a wanted column is missing.
    """
    try:
        rows = pl.read_csv(path, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, error) from error
    _require(path, rows, columns)
    return rows


def read_csv_blocks(path: Path, columns: Sequence[str], *, what: str, progress: Progress) -> Iterator[pl.DataFrame]:
    """The wanted columns of a CSV file as texts, frame by frame in the order of the file; no field of it may hold a line break.

    Args:
        path: The file.
        columns: What is wanted.
        what: In the progress bar.
        progress: Shows how many blocks of BLOCK_BYTES have passed.

    Raises:
        ImportSourceError: It is damaged, or a wanted column is missing.
    """
    header: list[bytes] = []
    for lines in read_lines(path, what=what, progress=progress):
        block = header + lines  # a CSV file of its own
        header = block[:1]
        try:
            rows = pl.read_csv(b"".join(block), infer_schema=False)
        except pl.exceptions.PolarsError as error:
            raise damaged(path, error) from error
        if rows.height != len(block) - 1:
            raise damaged(path, ValueError("a field of it holds a line break"))
        _require(path, rows, columns)
        yield rows.select(columns)
    if not header:
        raise damaged(path, ValueError("it is empty"))


def read_lines(path: Path, *, what: str, progress: Progress) -> Iterator[list[bytes]]:
    """The lines of a file but the blank ones, unpacked if it ends in .gz, about BLOCK_BYTES of them at a time.

    Raises:
        ImportSourceError: It cannot be read to its end.
    """
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            blocks = iter(lambda: file.readlines(BLOCK_BYTES), [])
            for lines in progress.track(blocks, what=what, total=None if packed else math.ceil(path.stat().st_size / BLOCK_BYTES)):
                yield [line for line in lines if not line.isspace()]
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> ImportSourceError:
    """What to tell of a file that cannot be read."""
    return ImportSourceError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}. Unpack the archive again.")


def _require(path: Path, rows: pl.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        raise ImportSourceError(f"{path} has no column {', '.join(missing)}; it has {', '.join(rows.columns)}")

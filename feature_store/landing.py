"""Files that sources have dropped for ingestion: which there are, whether they are new, and what they hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa

from feature_store.errors import LandingError
from feature_store.manifest import file_digest

JSON_LINES = (".jsonl", ".ndjson")
FORMATS = (".parquet", ".csv", *JSON_LINES)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""With which some programs begin a file of UTF-8."""
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError, UnicodeError)
"""What reading a damaged file, or one of types that nobody knows, ends in."""


@dataclass(frozen=True)
class LandingFile:
    """One file as it lay there when the folder was listed."""

    path: Path
    name: str
    """Relative to the workspace where it lies below it."""
    digest: str
    """SHA-256 of its bytes."""


def list_landing(folders: Sequence[Path], *, root: Path) -> list[LandingFile]:
    """Every file below the folders: folder by folder, then by name. Names that begin with a dot or an underscore are not ours.

    Args:
        folders: Where to look; a file stands for itself, and what does not exist holds nothing.
        root: The workspace.
    """
    found = []
    for folder in folders:
        below = [folder] if folder.is_file() else folder.rglob("*")
        for path in sorted(below, key=lambda path: path.relative_to(folder).parts):
            if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts):
                name = path.relative_to(root) if path.is_relative_to(root) else path
                found.append(LandingFile(path, name.as_posix(), content_of(path)))
    return found


def content_of(path: Path) -> str:
    """SHA-256 of a file's bytes; read again only when its size or time of change does."""
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


def read_landing(path: Path) -> pl.DataFrame:
    """The rows of a Parquet, CSV or JSON-lines file, columns as found; in CSV all are texts, and nothing between two commas is null.

    Raises:
        LandingError: The file is of another kind, or cannot be read to its end.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path, glob=False, hive_partitioning=False)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema=False, glob=False)
        if path.suffix in JSON_LINES:
            with path.open("rb") as file:
                return pl.read_ndjson(file.read() if pass_mark(file) else path, infer_schema_length=None)
    except UNREADABLE as error:
        raise LandingError(why_unreadable(path, error)) from error
    raise LandingError(f"is a {path.suffix or 'nameless'} file; readable are {', '.join(FORMATS)}")


def pass_mark(file: BinaryIO) -> bool:
    """Whether a file begins with BYTE_ORDER_MARK; it is read on behind it, or from its beginning."""
    marked = file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK
    if not marked:
        file.seek(0)
    return marked


def why_unreadable(path: Path, error: BaseException) -> str:
    """What to tell of a file whose reading ended in an error; of JSON lines, which one it was."""
    if path.suffix in JSON_LINES and not isinstance(error, OSError) and (line := _first_bad_line(path)):
        return f"cannot be read: line {line:,} is no JSON object; mend it or take it out"
    return f"cannot be read: {str(error).strip().splitlines()[0]}"


def _first_bad_line(path: Path) -> int | None:
    """Its number, the first line being 1; None where each line by itself is an object, or empty."""
    with path.open("rb") as file:
        pass_mark(file)
        for number, line in enumerate(file, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return number
            except ValueError:
                return number
    return None


@lru_cache(maxsize=65536)
def _digest(path: Path, _size_bytes: int, _changed_ns: int) -> str:  # size and time are part of the cache's key
    return file_digest(path)

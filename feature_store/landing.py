"""Files that sources have dropped for ingestion: which there are, whether they are new, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from feature_store.errors import LandingError
from feature_store.manifest import file_digest

FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson")


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
        if path.suffix in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise LandingError(f"cannot be read: {str(error).strip().splitlines()[0]}") from error
    raise LandingError(f"is a {path.suffix or 'nameless'} file; readable are {', '.join(FORMATS)}")


@lru_cache(maxsize=65536)
def _digest(path: Path, _size_bytes: int, _changed_ns: int) -> str:  # size and time are part of the cache's key
    return file_digest(path)

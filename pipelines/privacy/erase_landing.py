"""Landing files are the shop's own: they are told where they hold an erased user, and rewritten only when asked for and certain."""

import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feature_store.casts import text_of
from feature_store.errors import LandingError
from feature_store.landing import LandingFile, read_landing
from pipelines.privacy.sought import USER, Sought

SETTLED_SECONDS = 60.0
"""A file that changed later than so long ago may still be written."""


@dataclass(frozen=True)
class LandingTrace:
    """A landing file with a user in it."""

    name: str
    rows: int
    """Of the user; 0 where the file cannot be read and was searched by its bytes."""
    digest: str
    """SHA-256 of what lay there."""
    left: str
    """Why it still holds the user; empty: it was rewritten."""


def trace_in(file: LandingFile, sought: Sought, *, rewrite: bool) -> LandingTrace | None:
    """What a landing file holds of a user, by its column user_id; None where it holds nothing.

    Args:
        file: As listed.
        sought: Who.
        rewrite: Whether to take the user's rows out, where it is certain that all other rows stay as they are.
    """
    try:
        raw = read_landing(file.path)
        if USER not in raw.columns or raw.schema[USER].is_nested():
            raise LandingError(f"has no plain column {USER}")
    except LandingError as error:
        return LandingTrace(file.name, 0, file.digest, f"it {error}") if sought.in_file(file.path) else None
    theirs = text_of(raw[USER]).is_in(list(sought.names)).fill_null(False)
    if not theirs.any():
        return LandingTrace(file.name, 0, file.digest, "not as user_id: look yourself") if sought.in_file(file.path) else None
    left = _rewrite(file.path, raw, theirs) if rewrite else "it is yours; --landing rewrites it"
    if not left and sought.in_file(file.path):
        left = "rewritten, but the id stands there elsewhere than as user_id"
    return LandingTrace(file.name, int(theirs.sum()), file.digest, left)


def _rewrite(path: Path, raw: pl.DataFrame, theirs: pl.Series) -> str:
    """Replace the file by one without these rows, held against what it should hold; why not, where that is not certain."""
    state = path.lstat()
    if path.is_symlink() or state.st_nlink > 1:
        return "it has another name elsewhere: rewrite that"
    if time.time() - state.st_mtime < SETTLED_SECONDS:
        return f"it changed within the last {SETTLED_SECONDS:.0f} s: wait until nothing writes it"
    partial = path.with_name(f".{path.name}.partial{path.suffix}")  # no ingestion reads a name that begins with a dot
    try:
        if path.suffix == ".parquet":
            raw.filter(~theirs).write_parquet(partial, compression="zstd")
        else:
            lines = path.read_bytes().splitlines(keepends=True)
            head = lines[: len(lines) - raw.height]
            partial.write_bytes(b"".join(head + [line for line, gone in zip(lines[len(head) :], theirs, strict=True) if not gone]))
        if not read_landing(partial).equals(raw.filter(~theirs)):
            return "its other rows would not stay as they are"
        partial.chmod(state.st_mode & 0o777)
        partial.replace(path)
    except (LandingError, OSError, ValueError) as error:
        return f"it cannot be rewritten: {error}"
    finally:
        partial.unlink(missing_ok=True)
    return ""

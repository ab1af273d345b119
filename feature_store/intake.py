"""Landing files taken in one after another: rows that fit, rows that do not, and files that cannot be read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from feature_store.errors import LandingError
from feature_store.landing import LandingFile, read_landing
from feature_store.quarantine import REFUSED_ROWS, Refusal
from feature_store.schema import Table


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What came in."""

    rows: pl.DataFrame
    """In the order of the files, then of their rows; a key may occur several times."""
    refused: pl.DataFrame
    """A frame of REFUSED_ROWS."""
    sources: dict[str, dict[str, Any]]
    """Digest of each file that was read -> {"file", "rows", "quarantined"}."""
    unreadable: dict[str, str]
    """Name of each file that was not -> why."""


def take_in(
    files: Iterable[LandingFile],
    table: Table,
    conform: Callable[[pl.DataFrame, LandingFile], tuple[pl.DataFrame, Refusal]],
    *,
    prepare: Callable[[pl.DataFrame], pl.DataFrame] = lambda raw: raw,
) -> Intake:
    """Read landing files.

    Args:
        files: In the order in which they count.
        table: What their rows become.
        conform: Parts the rows of one file into those that fit the table and the others.
        prepare: See `take_in_events`.
    """
    frames, refused, sources, unreadable = [table.empty()], [REFUSED_ROWS.empty()], {}, {}
    for file in files:
        try:
            raw = prepare(read_landing(file.path))
            rows, refusal = conform(raw, file)
        except LandingError as error:
            unreadable[file.name] = str(error)
            continue
        frames.append(rows)
        refused.append(refusal.describe(raw, source=file.name, digest=file.digest))
        sources[file.digest] = {"file": file.name, "rows": raw.height, "quarantined": len(refusal)}
    return Intake(
        rows=pl.concat(frames),
        refused=pl.concat(refused).unique(REFUSED_ROWS.key, keep="first", maintain_order=True),
        sources=sources,
        unreadable=unreadable,
    )

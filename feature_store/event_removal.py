"""Take rows out of a build of the interaction log before it is committed."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from feature_store.layout import QUARANTINE, TableWriter, scan_file
from feature_store.schema import EVENTS


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """What a build of the log holds after a removal."""

    rows: int
    first: datetime | None
    """Time of the oldest event; None in an empty log."""
    last: datetime | None


def remove_events(writer: TableWriter, gone: pl.Expr) -> Remaining:
    """Drop events from what was written so far; files without such an event stay as they are, a file of nothing else goes.

    Args:
        writer: Of the table `events`, after the build was written or carried over.
        gone: True for an event to drop; null counts as false.

    Raises:
        SchemaError: A file breaks the contract of the table, or no migration leads from its version.
    """
    gone, spans = gone.fill_null(False), []
    for path in sorted(writer.folder.rglob("*.parquet")):
        file = path.relative_to(writer.folder).as_posix()
        if file.startswith(QUARANTINE):
            continue
        rows = scan_file(path, EVENTS)
        if rows.select(gone.any()).collect().item():
            left = rows.filter(~gone).collect()
            path.unlink()  # it may be a second name of a file of the build that stands
            if left.is_empty():
                continue
            writer.write(left, EVENTS, file=file)
            rows = left.lazy()
        spans.append(rows.select(rows=pl.len(), first=pl.col("event_time").min(), last=pl.col("event_time").max()).collect())
    span = pl.concat(spans).select(pl.col("rows").sum(), pl.col("first").min(), pl.col("last").max()).row(0) if spans else (0, None, None)
    return Remaining(rows=span[0], first=span[1], last=span[2])

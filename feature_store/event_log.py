"""The interaction log: append-only, each event once, partitioned by time and sorted by time within a partition.

Read in path order the log is in order of event_time; events of the same time stand in the order in which they came in.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl

from feature_store.conform import conform
from feature_store.layout import QUARANTINE, TableReader, TableWriter
from feature_store.quarantine import Refusal
from feature_store.schema import EVENTS
from feature_store.times import TimeRule

HASHED = tuple(name for name in EVENTS.schema if name not in ("event_id", "known_at"))
"""Columns that make an event what it is; when we learned of it does not."""

_FOLDERS = {"month": ("event_month", "%Y-%m"), "day": ("event_date", "%Y-%m-%d")}


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What the log holds after an append."""

    rows: int
    new: int
    first: datetime | None
    """Time of the oldest event; None in an empty log."""
    last: datetime | None


def conform_events(raw: pl.DataFrame, times: TimeRule) -> tuple[pl.DataFrame, Refusal]:
    """Rows of a source as events.

    Args:
        raw: Columns of the table `events`; user_id, item_id, event_type and event_time must be there. known_at defaults to event_time,
            event_id to a hash of the row, so the same row twice is one event.
        times: What naive and numeric times mean.

    Raises:
        LandingError: A column is missing, unknown or holds lists.
    """
    needed = ("user_id", "item_id", "event_type", "event_time")
    # the empty id stands in until it is known which rows fit: only those can be hashed
    defaults = {"known_at": pl.col("event_time"), "event_id": pl.lit("")}
    events, refusal = conform(raw, EVENTS, needed=needed, defaults=defaults, times=times)
    nameless = events["event_id"] == ""
    if nameless.any():
        ids = event_hashes(events.filter(nameless))
        events = events.with_columns(event_id=events["event_id"].scatter(nameless.arg_true(), ids))
    return events, refusal


def event_hashes(events: pl.DataFrame) -> pl.Series:
    """32 hexadecimal digits per row over what makes an event what it is; the same on every machine and in every version.

    Args:
        events: Rows with the columns HASHED, in the types of the table.
    """
    parts = [_unambiguous(events[name]) for name in HASHED]
    texts = pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator="|").alias("event_id"))["event_id"]
    return pl.Series("event_id", [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in texts], pl.String)


def append(writer: TableWriter, log: TableReader | None, events: pl.DataFrame, *, partition: Literal["month", "day"]) -> Appended:
    """Write the next build of the log: the old one and those events that it does not hold.

    Partitions without new events are carried over as they are. If the log lies in partitions of the other kind, all of it is written anew.

    Args:
        writer: Of the table `events`.
        log: The build so far; None for the first.
        events: In the order they came in; an event_id may occur several times, the first counts.
        partition: How the log lies.
    """
    old = log.scan(EVENTS) if log else EVENTS.empty().lazy()
    new = events.unique("event_id", keep="first", maintain_order=True)
    known = old.select("event_id").join(new.lazy().select("event_id"), on="event_id", how="semi").collect()
    new = new.join(known, on="event_id", how="anti", maintain_order="left")
    folder, form = _FOLDERS[partition]
    kept = {file for file in log.manifest.files if not file.startswith(QUARANTINE)} if log else set()
    rows = new
    if not all(file.startswith(f"{folder}=") for file in kept):
        rows, kept = pl.concat([old.collect(), new]), set()
    for (key,), part in rows.group_by(pl.col("event_time").dt.to_string(form), maintain_order=True):
        file = f"{folder}={key}/part-0000.parquet"
        before = old.clear() if log is None or file not in kept else log.scan(EVENTS, prefix=file)
        whole = pl.concat([before.collect(), part]).sort("event_time", maintain_order=True)  # what came first stays first among equals
        writer.write(whole, EVENTS, file=file)
        kept.discard(file)
    for file in sorted(kept):
        if log:
            writer.keep(log, file)
    times = pl.concat([old.select("event_time"), new.lazy().select("event_time")])
    span = times.select(rows=pl.len(), first=pl.col("event_time").min(), last=pl.col("event_time").max()).collect()
    facts = span.row(0, named=True)
    return Appended(rows=facts["rows"], new=new.height, first=facts["first"], last=facts["last"])


def _unambiguous(values: pl.Series) -> pl.Series:
    """Texts that differ where values differ, however they are joined: length and text, `-` for null, the bits of a real number."""
    if values.dtype == pl.Float64:
        bits = (values.fill_null(0.0).to_numpy() + 0.0).view(np.int64)  # + 0.0: minus zero is zero
        text = pl.Series(bits).cast(pl.String)
    elif isinstance(values.dtype, pl.Datetime):
        text = values.dt.epoch("us").cast(pl.String)
    else:
        text = values.cast(pl.String)
    told = pl.format("{}:{}", pl.col("text").str.len_bytes(), pl.col("text"))
    frame = pl.DataFrame({"text": text, "there": values.is_not_null()})
    return frame.select(pl.when("there").then(told).otherwise(pl.lit("-")).alias(values.name))[values.name]

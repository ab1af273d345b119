"""The interaction log: append-only, each event once, partitioned by time and sorted by time within a partition.

Read in path order the log is in order of event_time; events of the same time stand in the order in which they came in.
"""

import hashlib

import numpy as np
import polars as pl

from feature_store.clock import Clock
from feature_store.conform import conform
from feature_store.quarantine import Refusal
from feature_store.schema import EVENTS
from feature_store.times import TimeRule

HASHED = tuple(name for name in EVENTS.schema if name not in ("event_id", "known_at"))
"""Columns that make an event what it is; when we learned of it does not."""


def conform_events(raw: pl.DataFrame, times: TimeRule, clock: Clock | None = None) -> tuple[pl.DataFrame, Refusal]:
    """Rows of a source as events.

    Args:
        raw: Columns of the table `events`; user_id, item_id, event_type and event_time must be there. known_at defaults to event_time,
            event_id to a hash of the row, so the same row twice is one event.
        times: What naive and numeric times mean.
        clock: Refuses what cannot have happened yet; None: times are not held against any clock.

    Raises:
        LandingError: A column is missing, unknown or holds lists.
    """
    needed = ("user_id", "item_id", "event_type", "event_time")
    # the empty id stands in until it is known which rows fit: only those can be hashed
    defaults = {"known_at": pl.col("event_time"), "event_id": pl.lit("")}
    events, refusal = conform(raw, EVENTS, needed=needed, defaults=defaults, times=times, reasons=clock.reasons() if clock else ())
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

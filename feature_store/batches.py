"""Frames that come one after another: what they weigh, and how events are taken from them in order of time."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from feature_store.schema import EVENTS


def row_bytes() -> pl.Expr:
    """About how much memory each row of the table `events` takes."""
    texts = [pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64) for name, dtype in EVENTS.schema.items() if dtype == pl.String]
    return pl.sum_horizontal(texts) + 16 * len(EVENTS.schema)


def memory_of(frame: pl.DataFrame) -> int:
    """Bytes a frame takes; polars does not count the 16 of each text that say where it lies."""
    return int(frame.estimated_size()) + 16 * frame.width * frame.height


class InOrder:
    """Events in order of time, taken from the front.

    Args:
        batches: Frames with a column event_time, in order.
        first: No event is older.
    """

    def __init__(self, batches: Iterator[pl.DataFrame], *, first: datetime | None = None) -> None:
        self._batches, self._first = batches, first
        self._held: pl.DataFrame | None = None
        self._ended = False

    def before(self, moment: datetime) -> list[pl.DataFrame]:
        """What has not been taken yet and is older than a moment."""
        taken: list[pl.DataFrame] = []
        if self._ended or (self._first is not None and self._first >= moment):
            return taken
        while True:
            if self._held is None:
                self._held = next(self._batches, None)
                if self._held is None:
                    self._ended = True
                    return taken
            cut = int(self._held["event_time"].search_sorted(moment, side="left"))
            taken.append(self._held.head(cut))
            if cut < self._held.height:
                self._held = self._held.slice(cut)
                return taken
            self._held = None

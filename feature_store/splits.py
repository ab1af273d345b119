"""Cut a log by time: one moment for all users."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

CutName = Literal["ranker", "validation", "test", "date"]
"""A moment of `Cuts`, by the name of its field."""


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Moments t_r < t0 < t1 <= date, all UTC: who learns and who judges in which window."""

    ranker: datetime
    """t_r: the retriever whose scores the ranker sees learns before it, the ranker on [t_r, t0)."""
    validation: datetime
    """t0: choices are made on [t0, t1)."""
    test: datetime
    """t1: [t1, date) is touched only by the command that says so."""
    date: datetime
    """End of all that may be known."""


def quantile_time(event_times: pl.Series, quantile: float) -> datetime:
    """The moment before which this share of the events lies.

    Args:
        event_times: Times in any order.
        quantile: From 0 to below 1.

    Raises:
        ValueError: There is no event to cut by, or the quantile is none.
    """
    if not 0 <= quantile < 1:
        raise ValueError(f"a quantile is at least 0 and below 1, found {quantile}; mend it in [cuts]")
    if event_times.is_empty():
        raise ValueError("no event to cut the log by: the events that count as relevant are none; look at [relevance] in the config")
    moment: datetime = event_times.sort()[int(quantile * len(event_times))]
    return moment


def check_order(moments: Sequence[tuple[str, datetime]]) -> None:
    """Refuse cuts that do not follow one another.

    Raises:
        ValueError: A cut is not after the one before it, both are named; or one has no time zone.
    """
    for name, moment in moments:
        if moment.tzinfo is None:
            raise ValueError(f"cut {name} ({moment:%Y-%m-%d %H:%M}) has no time zone; write {moment.isoformat()}Z in [cuts]")
    for (earlier, first), (later, second) in itertools.pairwise(moments):
        if not first < second:
            raise ValueError(f"cut {later} ({second:%Y-%m-%d %H:%M}) must be after {earlier} ({first:%Y-%m-%d %H:%M}); set both in [cuts]")

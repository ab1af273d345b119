"""New events into the log: each once, in its place, in memory that does not grow with their number."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.batches import InOrder
from feature_store.event_files import LogFile, Partition, cut, file_weights, log_files, partition_starts, start_of_partition, write_files
from feature_store.event_runs import EventRuns
from feature_store.layout import TableReader, TableWriter
from feature_store.run_files import BUCKETS, Run
from feature_store.schema import EVENTS, UTC_TIME

ID_COST = 6
"""Looking for equal ids takes about so many times their own bytes."""


@dataclass(frozen=True, kw_only=True)
class Appended:
    """What the log holds after an append."""

    rows: int
    new: int
    too_old: int
    """Events that the log did not hold, and does not for their age."""
    first: datetime | None
    """Time of the oldest event; None in an empty log."""
    last: datetime | None
    late: Mapping[date, int]
    """Days (UTC) before the one with which the log had ended -> new events of them."""
    late_from: date | None
    """First day, up to the old end of the log, whose features late events change; all after it change too. None: there is no such day."""


def append(
    writer: TableWriter,
    log: TableReader | None,
    runs: EventRuns,
    *,
    partition: Partition,
    oldest: Callable[[datetime | None], datetime | None] = lambda _: None,
) -> Appended:
    """Write the next build of the log: the old one and those events that it does not hold.

    Events behind all others of their partition come into files of their own; the rest are put into the files whose minutes they share,
    which are written anew. Other files are carried over as they are, unless the log lies in partitions of the other kind.

    Args:
        writer: Of the table `events`, nothing written yet.
        log: The build so far; None for the first.
        runs: Closed, in the order they came in; an event_id may occur several times, the first counts.
        partition: How the log shall lie.
        oldest: Given the time of the newest event, before which moment new ones are left out; None: none are.
    """
    fresh = _not_held(runs, log)
    old, end = log_files(log), _span(log.scan(EVENTS))["last"] if log else None
    too_old = _leave_out(runs, fresh, end, oldest)
    minutes = _by_minute(runs, fresh)
    touched, begins = _touched(log, old, minutes["minute"], partition) if log else ([], set())
    weights = pl.concat([minutes.select("minute", "bytes"), *([file_weights(log, touched)] if log else [])])
    begins |= partition_starts(weights["minute"], partition)
    held = [InOrder(batch for file in touched for batch in log.batches(EVENTS, file.name))] if log else []
    write_files(writer, cut(weights, begins), [*held, *_in_order(runs, fresh)], partition)
    for file in old:
        if log and file not in touched:
            writer.keep(log, file.name)
    files = sorted(writer.folder.rglob("*.parquet"))
    span = _span(pl.scan_parquet(files, glob=False, hive_partitioning=False)) if files else _EMPTY_SPAN
    return Appended(**span, new=int(fresh.sum()), too_old=too_old, **_late(minutes, end))


_EMPTY_SPAN = {"rows": 0, "first": None, "last": None}


def _span(events: pl.LazyFrame) -> dict[str, Any]:
    time = pl.col("event_time")
    return events.select(rows=pl.len(), first=time.min(), last=time.max()).collect(engine="streaming").row(0, named=True)


def _not_held(runs: EventRuns, log: TableReader | None) -> npt.NDArray[np.bool_]:
    """By arrival: whether the event is the first with its id, in the log and among the new ones. As many ids at once as memory allows."""
    fresh = np.zeros(runs.rows, bool)
    passes = math.ceil(ID_COST * (runs.id_bytes + 24 * runs.rows) / runs.memory_bytes)
    step = max(1, BUCKETS // max(1, passes))
    for start in range(0, BUCKETS, step) if runs.rows else ():
        ids = pl.concat(list(runs.ids(range(start, min(start + step, BUCKETS))))).unique("event_id", keep="first", maintain_order=True)
        if log:
            held = log.scan(EVENTS).select("event_id").join(ids.lazy().select("event_id"), on="event_id", how="semi")
            ids = ids.join(held.collect(engine="streaming"), on="event_id", how="anti")
        fresh[ids["arrival"].to_numpy()] = True
    return fresh


def _leave_out(
    runs: EventRuns, fresh: npt.NDArray[np.bool_], end: datetime | None, oldest: Callable[[datetime | None], datetime | None]
) -> int:
    """Take new events that are too old for no longer new, and say how many they are."""
    moments = [_span(rows.lazy())["last"] for rows in _times(runs, fresh)] + ([end] if end else [])
    limit = oldest(max(moments, default=None))
    count = 0
    for rows in _times(runs, fresh) if limit else ():
        gone = rows.filter(pl.col("event_time") < limit)["arrival"].to_numpy()
        fresh[gone] = False
        count += len(gone)
    return count


def _times(runs: EventRuns, fresh: npt.NDArray[np.bool_]) -> Iterator[pl.DataFrame]:
    """When the new events were, some at a time."""
    for run in runs.runs:
        for batch in runs.read(run, columns=("event_time", "arrival")):
            rows = batch.filter(fresh[batch["arrival"].to_numpy()])
            if rows.height:
                yield rows


def _by_minute(runs: EventRuns, fresh: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Of the new events of each minute: number, weight, and the first day whose features they change."""
    total = pl.DataFrame(schema={"minute": UTC_TIME, "events": pl.Int64, "bytes": pl.Int64, "changes": pl.Date})
    changes = pl.max_horizontal("event_time", "known_at").dt.date() + timedelta(days=1)
    for run in runs.runs:
        batches = runs.read(run, columns=("event_time", "known_at", "bytes", "arrival"))
        rows = pl.concat([batch.filter(fresh[batch["arrival"].to_numpy()]) for batch in batches]).select(
            pl.col("event_time").dt.truncate("1m").alias("minute"), pl.lit(1, pl.Int64).alias("events"), "bytes", changes.alias("changes")
        )
        total = pl.concat([total, rows]).group_by("minute").agg(pl.col("events", "bytes").sum(), pl.col("changes").min())
    return total


def _late(minutes: pl.DataFrame, end: datetime | None) -> dict[str, Any]:
    if end is None:
        return {"late": {}, "late_from": None}
    late = minutes.with_columns(day=pl.col("minute").dt.date()).filter(pl.col("day") < end.date())
    changes = late.filter(pl.col("changes") <= end.date())["changes"].min()
    days = late.group_by("day").agg(pl.col("events").sum()).sort("day")
    return {"late": dict(days.iter_rows()), "late_from": changes}


def _touched(log: TableReader, old: list[LogFile], minutes: pl.Series, partition: Partition) -> tuple[list[LogFile], set[datetime]]:
    """The files of the log that must be written anew for new events of these minutes, and where files begin in their partitions."""
    if any(file.partition != partition for file in old):
        return old, set()
    starts = partition_starts(minutes, partition)
    files: dict[datetime, list[LogFile]] = {}
    for file in old:
        files.setdefault(start_of_partition(file.begin, partition), []).append(file)
    begins = {file.begin for start in starts for file in files.get(start, [])}
    for start in starts & files.keys():
        newest = _span(log.scan(EVENTS, prefix=files[start][-1].name))["last"]
        begins.add(newest.replace(second=0, microsecond=0) + timedelta(minutes=1))
    ordered = pl.Series(sorted(begins | starts), dtype=UTC_TIME)
    hit = set(ordered.gather(ordered.search_sorted(minutes, side="right") - 1))
    return [file for file in old if file.begin in hit], begins


def _in_order(runs: EventRuns, fresh: npt.NDArray[np.bool_]) -> list[InOrder]:
    def rows(run: Run) -> Iterator[pl.DataFrame]:
        for batch in runs.read(run, columns=(*EVENTS.schema, "arrival")):
            yield batch.filter(fresh[batch["arrival"].to_numpy()]).drop("arrival")

    return [InOrder(rows(run), first=datetime.fromisoformat(run.first)) for run in runs.runs]

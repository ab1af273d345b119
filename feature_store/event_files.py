"""Which file of the log holds which minutes: partitions by month or day, and within them files of a sane size, in order of time.

A file is named by the minute of its partition with which it begins: path order is time order however files are cut or put together.
"""

import itertools
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl

from feature_store.batches import InOrder, row_bytes
from feature_store.layout import TableReader, TableWriter
from feature_store.schema import EVENTS, UTC_TIME

FILE_BYTES = 64 * 2**20
"""About how much memory the rows of a file take; on disk it is a fraction of that. All events of a minute lie in one file."""

Partition = Literal["month", "day"]

_FOLDERS: Mapping[Partition, tuple[str, str]] = {"month": ("event_month", "%Y-%m"), "day": ("event_date", "%Y-%m-%d")}
_NAME = re.compile(r"(\w+)=([\d-]+)/part-(\d+)\.parquet")


@dataclass(frozen=True, order=True)
class LogFile:
    """One file of the log."""

    begin: datetime
    """Start of the minute from which on it holds its partition, up to the next file."""
    name: str
    partition: Partition


def log_files(log: TableReader | None) -> list[LogFile]:
    """All files with events, in order of time."""
    return sorted(_parse(name) for name in log.files()) if log else []


def start_of_partition(moment: datetime, partition: Partition) -> datetime:
    """The start of the month or day."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if partition == "month" else day


def partition_starts(moments: pl.Series, partition: Partition) -> set[datetime]:
    """Of all partitions with one of the moments."""
    return {start_of_partition(day, partition) for day in moments.dt.truncate("1d").unique()}


def file_weights(log: TableReader, files: Iterable[LogFile]) -> pl.DataFrame:
    """Columns minute and bytes: about how much memory the events of these files take, by minute."""
    total = pl.DataFrame(schema={"minute": UTC_TIME, "bytes": pl.Int64})
    for file in files:
        batches = log.batches(EVENTS, file.name)
        rows = [batch.select(pl.col("event_time").dt.truncate("1m").alias("minute"), row_bytes().alias("bytes")) for batch in batches]
        total = pl.concat([total, *rows]).group_by("minute").agg(pl.col("bytes").sum())
    return total


def files_needed(weights: pl.DataFrame) -> int:
    """For rows of these `file_weights`."""
    return math.ceil(int(weights["bytes"].sum()) / FILE_BYTES)


def cut(weights: pl.DataFrame, begins: Collection[datetime]) -> list[datetime]:
    """Where files begin, so that each holds about the same and at most FILE_BYTES, a minute more or less.

    Args:
        weights: Columns minute and bytes of all rows that are to be written; a minute may occur several times.
        begins: Where a file must begin if any row lies between it and the next; none is behind the first minute.
    """
    minutes = weights.group_by("minute").agg(pl.col("bytes").sum()).sort("minute")
    must = pl.Series("begin", sorted(begins), UTC_TIME)
    so_far, total = pl.col("bytes").cum_sum() - pl.col("bytes"), pl.col("bytes").sum()
    number = (so_far * (total / FILE_BYTES).ceil() / total).floor().over("segment")
    files = (
        minutes.with_columns(segment=must.gather(must.search_sorted(minutes["minute"], side="right") - 1))
        .with_columns(number=number)
        .group_by("segment", "number")
        .agg(pl.col("minute").min())
    )
    first = pl.when(pl.col("number") == 0).then("segment").otherwise("minute")
    return files.select(first.alias("begin"))["begin"].sort().to_list()


def write_files(writer: TableWriter, begins: Sequence[datetime], sources: Sequence[InOrder], partition: Partition) -> None:
    """Write events as files of the log.

    Args:
        writer: Of the table `events`.
        begins: Where each file begins; none crosses a partition.
        sources: Their events, all together; of those at the same time the ones of an earlier source come first.
        partition: How the log lies.
    """
    for begin, end in itertools.pairwise([*begins, datetime.max.replace(tzinfo=UTC)]):
        rows = pl.concat([frame for source in sources for frame in source.before(end)])
        writer.write(rows.sort("event_time", maintain_order=True), EVENTS, file=_file_name(begin, partition))


def _file_name(begin: datetime, partition: Partition) -> str:
    folder, form = _FOLDERS[partition]
    minutes = (begin - start_of_partition(begin, partition)) // timedelta(minutes=1)
    return f"{folder}={begin.strftime(form)}/part-{minutes:05d}.parquet"


def _parse(name: str) -> LogFile:
    found = _NAME.fullmatch(name)
    for partition, (folder, form) in _FOLDERS.items():
        if found and found[1] == folder:
            begin = datetime.strptime(found[2], form).replace(tzinfo=UTC) + timedelta(minutes=int(found[3]))
            return LogFile(begin, name, partition)
    raise ValueError(f"{name} is no file of an event log")

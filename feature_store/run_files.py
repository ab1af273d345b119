"""A run on disk: some events in order of time, and their ids parted by hash."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from feature_store.batches import row_bytes

BUCKETS = 64
"""Ids of a run are parted by hash, so that all equal ones of all runs can be looked at together and the others left on disk."""
BATCH_BYTES = 2**20
"""Of a run that is read, one batch of this size is in memory."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Some events in a row, as they came in, written in order of time."""

    name: str
    rows: int
    first: str
    """Time of the oldest event, ISO."""
    id_bytes: int


def write_run(folder: Path, name: str, events: pl.DataFrame, arrived: int) -> Run:
    """Write events as a run.

    Args:
        folder: Where its files go.
        name: With which they begin.
        events: Rows of the table `events`, at least one, as they came in.
        arrived: How many have come before them, in other runs.
    """
    events = events.with_columns(arrival=pl.int_range(arrived, arrived + events.height), bytes=row_bytes())
    size = max(1, events.height * BATCH_BYTES // int(events["bytes"].sum()))
    ids = events.select("event_id", "arrival", bucket=pl.col("event_id").hash() % BUCKETS)
    _write_batches(_ids(folder, name), (ids.filter(pl.col("bucket") == bucket).drop("bucket") for bucket in range(BUCKETS)))
    ordered = events.sort("event_time", maintain_order=True)
    _write_batches(_events(folder, name), ordered.iter_slices(size))
    id_bytes = int(ids["event_id"].str.len_bytes().sum())
    return Run(name=name, rows=events.height, first=ordered["event_time"][0].isoformat(), id_bytes=id_bytes)


def read_run(folder: Path, run: Run, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Columns of a run in order of time, a batch at a time; see `EventRuns.read`."""
    with pa.memory_map(str(_events(folder, run.name))) as file:
        schema = pa.ipc.open_file(file).schema
        options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(column) for column in columns], use_threads=False)
        reader = pa.ipc.open_file(file, options=options)
        for number in range(reader.num_record_batches):
            yield pl.DataFrame(reader.get_batch(number)).select(columns)


def read_ids(folder: Path, run: Run, buckets: range) -> Iterator[pl.DataFrame]:
    """Columns event_id and arrival of the rows whose ids are in these of BUCKETS, a frame for each, in order of arrival."""
    with pa.memory_map(str(_ids(folder, run.name))) as file:
        reader = pa.ipc.open_file(file)
        for bucket in buckets:
            yield pl.DataFrame(reader.get_batch(bucket))


def _events(folder: Path, name: str) -> Path:
    return folder / f"{name}.arrow"


def _ids(folder: Path, name: str) -> Path:
    return folder / f"{name}.ids.arrow"


def _write_batches(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """A record batch for each frame; there is at least one."""
    writer: pa.ipc.RecordBatchFileWriter | None = None
    with path.open("wb") as file:
        for frame in frames:
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
            writer = writer or pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
            (batch,) = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
            writer.write_batch(batch)
        if writer:
            writer.close()

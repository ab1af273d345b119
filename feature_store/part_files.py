"""A table whose rows are made part by part: how many are made at once does not show in its files."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

from feature_store.disk import writing_to
from feature_store.layout import TableWriter
from feature_store.months import month_folder
from feature_store.parts import Memory, name_of_part, parting_folder, write_parts_of
from feature_store.schema import UTC_TIME, Table

ROWS_IN_FILE = 1_000_000
"""Of narrow rows; so many are in memory twice while a file is written."""


def write_parts(
    writer: TableWriter, parts: Iterable[pl.DataFrame], table: Table, *, rows_in_file: int = ROWS_IN_FILE, folder: str = ""
) -> pl.LazyFrame:
    """Write rows as files of so many each, and read them back: at least one file, if of no rows.

    Args:
        writer: Nothing written yet, below this folder.
        parts: Frames of the table, in the order in which their rows shall stand.
        table: Which.
        rows_in_file: Fewer where rows are wide.
        folder: Begins the paths of the files.

    Raises:
        SchemaError: A file breaks the table's contract.
    """
    held, files = table.empty(), 0
    for part in parts:
        held = pl.concat([held, part])
        while held.height > rows_in_file:
            writer.write(held.head(rows_in_file).rechunk(), table, file=_name(folder, files))
            held, files = held.slice(rows_in_file), files + 1
    writer.write(held.rechunk(), table, file=_name(folder, files))
    return pl.scan_parquet([writer.folder / _name(folder, number) for number in range(files + 1)], glob=False, hive_partitioning=False)


def write_months(writer: TableWriter, parts: Iterable[pl.DataFrame], table: Table, *, months: Sequence[datetime], memory: Memory) -> None:
    """Write rows as files of their month's folder; beside a part, about ROWS_IN_FILE of them are in memory.

    Args:
        writer: Nothing written yet of these months.
        parts: Frames of the table, which has a column event_time; the rows of a month come in the order in which they shall stand.
        table: Which.
        months: Starts of those with rows, one after the other.
        memory: Says where rows wait until all are there.

    Raises:
        SchemaError: A file breaks the table's contract.
    """
    begins = pl.Series("begins", months[1:], UTC_TIME)
    with parting_folder("event_time", memory) as folder:
        with writing_to(memory.folder):
            write_parts_of((part.lazy() for part in parts), "event_time", begins, folder)
        for number, month in enumerate(months):
            path = folder / name_of_part(number)
            if path.is_file():
                write_parts(writer, _batches(path), table, folder=month_folder(month))


def _batches(path: Path) -> Iterator[pl.DataFrame]:
    with pa.ipc.open_file(path) as file:
        for number in range(file.num_record_batches):
            yield pl.DataFrame(file.get_batch(number))


def _name(folder: str, number: int) -> str:
    return f"{folder}part-{number:04d}.parquet"

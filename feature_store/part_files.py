"""A table whose rows are made part by part: how many are made at once does not show in its files."""

from collections.abc import Iterable

import polars as pl

from feature_store.layout import TableWriter
from feature_store.schema import Table

ROWS_IN_FILE = 1_000_000
"""Of narrow rows; so many are in memory twice while a file is written."""


def write_parts(writer: TableWriter, parts: Iterable[pl.DataFrame], table: Table, *, rows_in_file: int = ROWS_IN_FILE) -> pl.LazyFrame:
    """Write rows as files of so many each, and read them back: at least one file, if of no rows.

    Args:
        writer: Nothing written yet.
        parts: Frames of the table, in the order in which their rows shall stand.
        table: Which.
        rows_in_file: Fewer where rows are wide.

    Raises:
        SchemaError: A file breaks the table's contract.
    """
    held, files = table.empty(), 0
    for part in parts:
        held = pl.concat([held, part])
        while held.height > rows_in_file:
            writer.write(held.head(rows_in_file).rechunk(), table, file=_name(files))
            held, files = held.slice(rows_in_file), files + 1
    writer.write(held.rechunk(), table, file=_name(files))
    return pl.scan_parquet([writer.folder / _name(number) for number in range(files + 1)], glob=False, hive_partitioning=False)


def _name(number: int) -> str:
    return f"part-{number:04d}.parquet"

"""Hold a Parquet file against its table by its footer, so that a read is checked and costs no second read."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from feature_store.checks import first_break
from feature_store.errors import SchemaError
from feature_store.schema import Column, Table

VERSION = "vitrine.table_version"
"""Key of a file's metadata: the version of the table that its rows keep."""


def file_metadata(table: Table) -> dict[str, str]:
    """What a file says of itself."""
    return {VERSION: str(table.version)}


def check_file(path: Path, table: Table) -> int:
    """The version of the table that a file holds; 1 where it does not say.

    A file of today's version must have the table's columns, and nothing outside their ranges, vocabulary and nullability as far as its
    statistics tell: the least and the greatest value of each part, and how many are null. Rows are read only to say what is wrong.

    Raises:
        SchemaError: It breaks the contract; names the file, how many rows break it and the first values that do.
    """
    footer = pq.read_metadata(path)
    version = int((footer.metadata or {}).get(VERSION.encode(), b"1"))
    if version != table.version:
        return version
    found = dict(pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema())
    if found != dict(table.schema):
        raise SchemaError(f"{path}: columns {found}, wanted {dict(table.schema)}. Delete the table's folder and run the night again.")
    columns = {column.name: column for column in table.columns}
    suspects = {name for name, statistics in _statistics(footer) if name in columns and _suspicious(statistics, columns[name])}
    if suspects:
        broken = first_break(pl.read_parquet(path, columns=sorted(suspects), glob=False, hive_partitioning=False), table)
        if broken:
            raise SchemaError(f"{path}: {broken}. Delete the table's folder and run the night again.")
    return version


def _statistics(footer: pq.FileMetaData) -> list[tuple[str, Any]]:
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return [(column.path_in_schema, column.statistics) for column in columns if column.is_stats_set]


def _suspicious(statistics: Any, column: Column) -> bool:
    if not column.nullable and statistics.has_null_count and statistics.null_count:
        return True
    if not statistics.has_min_max:
        return False
    lowest, highest = statistics.min, statistics.max
    outside = bool(column.allowed) and not {lowest, highest} <= set(column.allowed)
    below = column.lowest is not None and lowest < column.lowest
    return outside or below or (column.highest is not None and highest > column.highest)

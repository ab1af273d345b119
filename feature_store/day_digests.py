"""What tables say of each day, in digests: from which day on a new build of a log may change what was made of an older one.

The digest of a day is a sum over the rows that are known from that day on, so it depends neither on their order nor on the files in which
they lie. Files that an earlier night has digested are not read again.
"""

from collections.abc import Callable
from datetime import datetime

import polars as pl
import pyarrow as pa

from feature_store.disk import writing_to
from feature_store.features.item_acts import known_day
from feature_store.layout import TableReader, TableWriter, scan_file
from feature_store.schema import UTC_TIME, Table

DIGESTS = "days.arrow"
"""File of a table with the digests of what it was made of."""
SCHEMA = pl.Schema({"file": pl.String(), "day": UTC_TIME, "rows": pl.Int64(), "high": pl.Int64(), "low": pl.Int64()})
"""Of each file, by the SHA-256 of its bytes, and day: rows, and the sums of the halves of their hashes."""


def day_digests(reader: TableReader, table: Table, needed: Callable[[pl.LazyFrame], pl.LazyFrame], *, known: pl.DataFrame) -> pl.DataFrame:
    """Rows of SCHEMA for all files of a table.

    Args:
        reader: The table.
        table: Its contract; event_time and known_at are among its columns.
        needed: The columns that count.
        known: Rows of SCHEMA of an earlier build, digested by the same polars.
    """
    digests = {file: reader.manifest.files[file]["sha256"] for file in reader.files()}
    there = known.filter(pl.col("file").is_in(list(digests.values())))
    fresh = {digest: file for file, digest in digests.items() if digest not in there["file"]}
    parts = [_digested(needed(scan_file(reader.path(file), table)), digest) for digest, file in fresh.items()]
    return pl.concat([there, *parts]).sort("file", "day")


def first_difference(old: pl.DataFrame, new: pl.DataFrame) -> datetime | None:
    """The first day on which rows of SCHEMA say other things; None: none does."""
    sums = [pl.col(name).sum() for name in ("rows", "high", "low")]
    changed = pl.concat([frame.group_by("day").agg(sums) for frame in (old, new)])
    first: datetime | None = changed.filter(pl.struct(pl.all()).is_unique()).select(pl.col("day").min()).item()
    return first


def write_digests(writer: TableWriter, digests: pl.DataFrame) -> None:
    """Leave rows of SCHEMA in the table that was made of what they digest; equal ones as equal bytes."""
    table = digests.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())  # polars' own files tell what it knows of their order
    with writing_to(writer.folder), pa.ipc.new_file(str(writer.folder / DIGESTS), table.schema) as file:
        file.write_table(table)


def read_digests(build: TableReader | None) -> pl.DataFrame:
    """What `write_digests` left in a build; nothing where there is none."""
    return pl.read_ipc(build.path(DIGESTS)) if build else SCHEMA.to_frame()


def _digested(rows: pl.LazyFrame, file: str) -> pl.DataFrame:
    digest = pl.struct(pl.all()).hash(seed=0)
    halves = {"high": digest // 2**32, "low": digest % 2**32}
    hashed = rows.select(known_day().alias("day"), *(half.cast(pl.Int64).alias(name) for name, half in halves.items()))
    days = hashed.group_by("day").agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("high", "low").sum())
    return days.select(pl.lit(file).alias("file"), *list(SCHEMA)[1:]).collect()

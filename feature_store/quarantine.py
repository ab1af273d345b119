"""Rows that were refused on the way in: what they held, where they came from and why they were refused."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import polars.selectors as cs

from feature_store.checks import REASON
from feature_store.layout import QUARANTINE, TableReader, TableWriter
from feature_store.schema import Column, Table

ROWS_PER_FILE = 20_000
"""Refused rows are few, and a row may be long."""

REFUSED_ROWS = Table(
    name="refused_rows",
    version=1,
    key=("source_digest", "row"),
    columns=(
        Column(name="source", dtype=pl.String, meaning="landing file, relative to the workspace"),
        Column(name="source_digest", dtype=pl.String, meaning="SHA-256 of that file's bytes"),
        Column(name="row", dtype=pl.Int64, meaning="row of that file, 0 is the first below a header", lowest=0),
        Column(name=REASON, dtype=pl.String, meaning="the first rule that the row breaks"),
        Column(
            name="content",
            dtype=pl.String,
            meaning="the row as it was found, as JSON; null for NaN and infinity, bytes as text",
        ),
    ),
)


@dataclass(frozen=True)
class Refusal:
    """Rows of one raw frame that a table does not take."""

    rows: pl.DataFrame
    """`row` (Int64) and `reason`, each row once."""

    def __len__(self) -> int:
        return self.rows.height

    def describe(self, raw: pl.DataFrame, *, source: str, digest: str, first_row: int = 0) -> pl.DataFrame:
        """The refused rows for the quarantine: a frame of REFUSED_ROWS.

        Args:
            raw: The rows among which they are.
            source: Name of the file.
            digest: Of its bytes.
            first_row: Where in the file those rows begin.
        """
        found = raw[self.rows["row"].to_list()].with_columns(cs.temporal().cast(pl.String))  # Python knows no year before 1 or after 9999
        content = [json.dumps(_as_json(row), ensure_ascii=False, default=str, allow_nan=False) for row in found.iter_rows(named=True)]
        return self.rows.select(
            pl.lit(source).alias("source"),
            pl.lit(digest).alias("source_digest"),
            pl.col("row") + first_row,
            pl.col(REASON),
            pl.Series("content", content, pl.String),
        )


def _as_json(value: Any) -> Any:
    """With null for numbers that JSON has no sign for, and bytes as the text they mostly are."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    return [_as_json(inner) for inner in value] if isinstance(value, list) else value


def refused_batches(reader: TableReader | None) -> Iterator[pl.DataFrame]:
    """What a table has refused so far, some rows at a time."""
    if reader is not None:
        for file in reader.files(prefix=QUARANTINE):
            yield from reader.batches(REFUSED_ROWS, file)


def read_refused(reader: TableReader | None) -> pl.DataFrame:
    """What a table has refused so far; no rows where there is no table."""
    if reader is None:
        return REFUSED_ROWS.empty()
    return reader.scan(REFUSED_ROWS, prefix=QUARANTINE).collect()


def write_refused(writer: TableWriter, rows: pl.DataFrame, *, part: int = 0) -> None:
    """Put refused rows beside those that were taken; no file where there are none."""
    if not rows.is_empty():
        writer.write(rows, REFUSED_ROWS, file=f"{QUARANTINE}part-{part:04d}.parquet")


def write_many_refused(writer: TableWriter, frames: Iterable[pl.DataFrame]) -> int:
    """The same for more rows than memory may hold, in files of ROWS_PER_FILE.

    Returns:
        How many there were.
    """
    held, count = REFUSED_ROWS.empty(), 0
    for frame in frames:
        held = pl.concat([held, frame])
        while held.height >= ROWS_PER_FILE:
            write_refused(writer, held.head(ROWS_PER_FILE), part=count // ROWS_PER_FILE)
            held, count = held.slice(ROWS_PER_FILE), count + ROWS_PER_FILE
    write_refused(writer, held, part=count // ROWS_PER_FILE)
    return count + held.height

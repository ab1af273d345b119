"""Whether the times in the tables of the night keep to what their stages have declared."""

from collections.abc import Iterator

import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import UTC_TIME
from feature_store.splits import Cuts
from pipelines.audit.answer import Answer
from pipelines.stage import Stage, seen_by

STAMPS = ("event_time", "known_at")
"""Columns that say from when on a row holds: that may be the limit itself, for what the row counts lies before it."""


def check_windows(stage: Stage, table: TableReader, cuts: Cuts) -> Iterator[Answer]:
    """One answer per Parquet file of a stage's table for which a cut is declared.

    Args:
        stage: Who wrote it.
        table: Of the night.
        cuts: Of the night.
    """
    for file in sorted(table.manifest.files):
        cut = seen_by(stage, file)
        if cut is not None and file.endswith(".parquet"):
            limit = getattr(cuts, cut)
            rows = pl.scan_parquet(table.path(file), glob=False, hive_partitioning=False)
            newest = rows.select(_newest(rows.collect_schema())).collect().row(0, named=True)
            late = [
                f"{name} holds {moment:%Y-%m-%d %H:%M:%S.%f}"
                for name, moment in newest.items()
                if moment is not None and (moment > limit if name in STAMPS else moment >= limit)
            ]
            yield Answer(probe=f"table {stage.writes}", as_of=cut, moment=limit, leak=", ".join(late))


def _newest(schema: pl.Schema) -> list[pl.Expr]:
    times = [pl.col(name).max() for name, dtype in schema.items() if dtype == UTC_TIME]
    return times + [pl.col(name).list.max().max() for name, dtype in schema.items() if dtype == pl.List(UTC_TIME)]

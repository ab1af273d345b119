"""Rows parted by a key, so that a part fits into memory however many rows there are; what does not fit waits on disk."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from feature_store.disk import writing_to

MOST_PARTS = 256
"""So many files are open while rows are parted."""
BATCHES = 16
"""A batch of rows on its way into the parts is this fraction of one."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What may be taken, and where to put what does not fit."""

    limit_bytes: int
    """About how much working on one part may take."""
    folder: Path
    """Exists, and holds nothing else."""


def parts_of(rows: pl.LazyFrame, key: str, *, row_bytes: int, memory: Memory) -> Iterator[pl.LazyFrame]:
    """The rows in parts: all of a key are in one, in the order they had; parts come in ascending order of the key.

    The key of the most rows is never cut, whatever it takes. Beside a part, its keys are in memory: about 50 bytes each.

    Args:
        rows: Only the columns and rows that are needed, or all of them wait on disk.
        key: A text column without nulls.
        row_bytes: What working on a row takes.
        memory: Rows that fit into it are one part and never touch the disk.
    """
    total = int(rows.select(pl.len()).collect(engine="streaming").item())
    number = min(MOST_PARTS, -(-total * row_bytes // memory.limit_bytes))
    if number <= 1:
        yield rows
        return
    begins = _begins(rows, key, number=number, total=total)
    folder = memory.folder / f"by-{key}"
    shutil.rmtree(folder, ignore_errors=True)  # of a night that was killed
    folder.mkdir()
    try:
        with writing_to(memory.folder):
            _write_parts(rows, key, begins, folder, rows_at_once=max(1, total // number // BATCHES))
        for path in sorted(folder.iterdir()):
            yield pl.scan_ipc(path, glob=False)
            path.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begins(rows: pl.LazyFrame, key: str, *, number: int, total: int) -> pl.Series:
    """First key of each part but the first."""
    counts = rows.group_by(key).agg(pl.len().cast(pl.Int64).alias("rows")).collect(engine="streaming").sort(key)
    before = pl.col("rows").cum_sum() - pl.col("rows")
    parts = counts.select(key, part=before * number // total).group_by("part", maintain_order=True).first()
    return parts[key][1:]


def _write_parts(rows: pl.LazyFrame, key: str, begins: pl.Series, folder: Path, *, rows_at_once: int) -> None:
    writers: dict[int, pa.ipc.RecordBatchFileWriter] = {}
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    try:
        for batch in rows.collect_batches(chunk_size=rows_at_once, maintain_order=True, engine="streaming"):
            parted = batch.with_columns(_part=begins.search_sorted(batch[key], side="right"))
            for (part,), some in parted.partition_by("_part", as_dict=True, include_key=False).items():
                table = some.to_arrow(compat_level=pl.CompatLevel.oldest())
                if part not in writers:
                    writers[part] = pa.ipc.new_file(str(folder / f"{part:03d}.arrow"), table.schema, options=options)
                writers[part].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()

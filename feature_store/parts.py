"""Rows parted by a key, so that a part fits into memory however many rows there are; what does not fit waits on disk."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from feature_store.disk import writing_to

MOST_PARTS = 256
"""So many files are open while rows are parted."""
SAMPLED = 16
"""One row of so many tells where the keys lie."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What may be taken, and where to put what does not fit."""

    limit_bytes: int
    """About how much working on one part may take."""
    folder: Path
    """An existing one, on a disk with room for what is parted."""


def parts_of(files: Sequence[pl.LazyFrame], key: str, *, row_bytes: int, memory: Memory) -> Iterator[pl.LazyFrame]:
    """The rows in parts: all of a key are in one, in the order they had; parts come in ascending order of the key.

    Beside a part, one of the files is in memory, and a sample of the keys. The rows of one key are never parted, whatever they take.

    Args:
        files: Rows one after another, each file small enough for memory; only what is needed of them, or all of it waits on disk.
        key: A text column without nulls.
        row_bytes: What working on a row takes.
        memory: Rows that fit into it are one part and never touch the disk.
    """
    begins = begins_of_parts(files, key, row_bytes=row_bytes, memory=memory)
    if begins.is_empty():
        yield pl.concat(files)
        return
    with parting_folder(key, memory) as folder:
        with writing_to(memory.folder):
            write_parts_of(files, key, begins, folder)
        for path in sorted(folder.iterdir()):
            yield pl.scan_ipc(path, glob=False)
            path.unlink()


def begins_of_parts(files: Sequence[pl.LazyFrame], key: str, *, row_bytes: int, memory: Memory, fewest: int = 2) -> pl.Series:
    """The first keys of all parts but the first; none where all rows fit into memory. See `parts_of`.

    Args:
        files: As there.
        key: As there.
        row_bytes: As there.
        memory: As there.
        fewest: Parts there are at least, where one does not do.
    """
    sample = [file.select(pl.len().alias("rows"), pl.col(key).gather_every(SAMPLED).implode()).collect() for file in files]
    number = min(MOST_PARTS, -(-sum(part["rows"].item() for part in sample) * row_bytes // memory.limit_bytes))
    number = max(number, fewest) if number > 1 else 1
    keys = pl.concat([part[key].explode() for part in sample]).sort()
    return keys.gather([place * len(keys) // number for place in range(1, number)])


@contextmanager
def parting_folder(key: str, memory: Memory) -> Iterator[Path]:
    """An empty folder for what waits on disk, gone afterwards."""
    folder = memory.folder / f"by-{key}"
    shutil.rmtree(folder, ignore_errors=True)  # of a night that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_parts_of(files: Iterable[pl.LazyFrame], key: str, begins: pl.Series, folder: Path) -> None:
    """Write the rows of each part that has any into a file of its own, named by its number; one of the files is in memory."""
    writers: dict[int, pa.ipc.RecordBatchFileWriter] = {}
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    try:
        for file in files:
            rows = file.collect()
            rows = rows.with_columns(_part=begins.search_sorted(rows[key], side="right"))
            for (part,), some in rows.partition_by("_part", as_dict=True, include_key=False).items():
                table = some.to_arrow(compat_level=pl.CompatLevel.oldest())
                if part not in writers:
                    writers[part] = pa.ipc.new_file(str(folder / name_of_part(part)), table.schema, options=options)
                writers[part].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()


def name_of_part(number: int) -> str:
    """Of the file of a part."""
    return f"{number:03d}.arrow"

"""Landing files read block by block, so that memory holds a part of a file however large it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from feature_store.batches import memory_of
from feature_store.errors import LandingError
from feature_store.landing import FORMATS, UNREADABLE, pass_mark, why_unreadable

ROWS_AT_ONCE = 4096
"""Rows of a Parquet file that are decoded at once; blocks are made of such pieces."""
LONGEST_ROW_BLOCKS = 4
"""A row of text that is longer than so many blocks is taken for a quote that nobody closes."""


def read_landing_blocks(path: Path, *, block_bytes: int) -> Iterator[pl.DataFrame]:
    """The rows of a file as `read_landing` gives them, some at a time; the first block may be empty, later ones are not.

    Args:
        path: A Parquet, CSV or JSON-lines file. All blocks of one file have the same columns; their types may differ in JSON lines.
        block_bytes: About as many bytes of rows in memory (Parquet) or of text (CSV, JSON lines) make a block; a row is never parted.

    Raises:
        LandingError: The file is of another kind, or cannot be read to its end; perhaps after some blocks.
    """
    readers: dict[str, Callable[[Path, int], Iterator[pl.DataFrame]]] = dict(
        zip(FORMATS, (_parquet, _csv, _json_lines, _json_lines), strict=True)
    )
    if path.suffix not in readers:
        raise LandingError(f"is a {path.suffix or 'nameless'} file; readable are {', '.join(FORMATS)}")
    try:
        yield from readers[path.suffix](path, block_bytes)
    except UNREADABLE as error:
        raise LandingError(why_unreadable(path, error)) from error


def _parquet(path: Path, block_bytes: int) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
        held: list[pl.DataFrame] = [pl.DataFrame(file.schema_arrow.empty_table())]
        size = 0
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False):
            held.append(pl.DataFrame(batch))
            size += memory_of(held[-1])
            if size >= block_bytes:
                yield pl.concat(held)
                held, size = [], 0
        if held:
            yield pl.concat(held)


def _csv(path: Path, block_bytes: int) -> Iterator[pl.DataFrame]:
    header = b""
    for block in _text_blocks(path, block_bytes, quoted=True):
        if header:
            yield pl.read_csv(header + block, infer_schema=False)
        else:
            yield pl.read_csv(block, infer_schema=False)
            header = block[: _end_of_first_row(block)]
    if not header:
        raise pl.exceptions.NoDataError("empty CSV")


def _json_lines(path: Path, block_bytes: int) -> Iterator[pl.DataFrame]:
    """Twice through the file: a column may first come in its last row, and nobody may miss it before."""
    names: dict[str, None] = {}
    for block in _text_blocks(path, block_bytes, quoted=False):
        names |= dict.fromkeys(pl.read_ndjson(block, infer_schema_length=None).columns)
    for block in _text_blocks(path, block_bytes, quoted=False):
        rows = pl.read_ndjson(block, infer_schema_length=None)
        missing = [pl.lit(None, pl.Null).alias(name) for name in names if name not in rows.columns]
        yield rows.with_columns(missing).select(*names)


def _text_blocks(path: Path, block_bytes: int, *, quoted: bool) -> Iterator[bytes]:
    """Whole rows of text; where `quoted`, a line break inside quotes ends no row."""
    with path.open("rb") as file:
        rest = b""
        pass_mark(file)
        while read := file.read(block_bytes):
            rest += read
            end = _end_of_rows(rest) if quoted else rest.rfind(b"\n") + 1
            if rest[:end].strip():
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > LONGEST_ROW_BLOCKS * block_bytes:
                raise LandingError(f"cannot be read: a row is longer than {len(rest):,} bytes; is a quote never closed?")
        if rest.strip():
            yield rest


def _end_of_rows(text: bytes) -> int:
    """Behind the last line break with an even number of quotes before it; 0 where there is none."""
    quotes, end = text.count(b'"'), len(text)
    while (position := text.rfind(b"\n", 0, end)) >= 0:
        quotes -= text.count(b'"', position, end)
        if quotes % 2 == 0:
            return position + 1
        end = text.rfind(b'"', 0, position)  # no line break between this quote and the position is better
        quotes -= 1
    return 0


def _end_of_first_row(text: bytes) -> int:
    """Behind the first line break with an even number of quotes before it; the whole length where there is none."""
    quotes = start = 0
    while (position := text.find(b"\n", start)) >= 0:
        quotes += text.count(b'"', start, position)
        if quotes % 2 == 0:
            return position + 1
        start = position + 1
    return len(text)

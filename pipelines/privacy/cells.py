"""Texts as they were put into a Parquet file or an SQLite database, each whole; in the bytes of a file neighbours touch."""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

DATABASE = b"SQLite format 3\0"
"""How the file of a database begins."""
BESIDE_DATABASE = ("-wal", "-shm", "-journal")


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(DATABASE)) == DATABASE


def is_of_database(path: Path) -> bool:
    """Whether a file is one, or what SQLite keeps beside one; reading the database reads that too."""
    ends = [end for end in BESIDE_DATABASE if path.name.endswith(end)]
    whole = path.with_name(path.name.removesuffix(ends[0])) if ends else path
    return whole.is_file() and is_database(whole)


def parquet_texts(rows: pl.LazyFrame) -> Iterator[pl.Series]:
    """The texts of each column, however deep they stand, one column in memory at a time."""
    for name in rows.collect_schema():
        yield from _texts(rows.select(name).collect()[name])


def database_cells(path: Path, holding: Sequence[str], *, columns: Collection[str] = ()) -> Iterator[bytes]:
    """Values of any table in which one of some texts stands, alone or within more.

    Args:
        path: The file.
        holding: The texts.
        columns: Those that are looked at; all where none is named.

    Raises:
        sqlite3.Error: The database is damaged, or held by another process.
    """
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for (column,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall():
                if columns and column not in columns:
                    continue
                cell, source = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (column, table))
                holds = " OR ".join(f"instr({cell}, ?)" for _ in holding)
                for (value,) in database.execute(f"SELECT {cell} FROM {source} WHERE {holds}", holding):
                    yield value if isinstance(value, bytes) else str(value).encode()


def _texts(values: pl.Series) -> Iterator[pl.Series]:
    if values.dtype == pl.String:
        yield values
    elif isinstance(values.dtype, pl.List | pl.Array):
        yield from _texts(values.explode())
    elif isinstance(values.dtype, pl.Struct):
        for name in values.struct.fields:
            yield from _texts(values.struct.field(name))

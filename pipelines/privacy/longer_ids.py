"""Ids of other users in which a sought one stands: who erases anna@shop leaves anna@shop.com alone."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from feature_store.layout import Workspace
from pipelines.privacy.cells import database_cells
from pipelines.privacy.sought import USER, Sought


def longer_ids(workspace: Workspace, sought: Sought) -> tuple[str, ...]:
    """All that stand in columns of users, of tables and of the embedded online store.

    What stands there in a refused row may be the sought one among other things, where a row has slipped, so it is taken for that.

    Args:
        workspace: Where the tables are.
        sought: Who; ids too short to be looked for among words have no longer ones.
    """
    found = set[str]()
    for name in sorted(folder.name for folder in (workspace.root / "tables").glob("*/") if workspace.exists(folder.name)):
        reader = workspace.read(name)
        for file in reader.manifest.files:
            if file.endswith(".parquet"):
                found.update(_in_parquet(reader.path(file), sought))
    if workspace.online_store.is_file():
        found.update(_in_store(workspace.online_store, sought))
    words = [pattern for pattern in (sought.whole, sought.words) if pattern]
    return tuple(sorted(name for name in found - {*sought.names} if any(pattern.stand_in(name.encode()) for pattern in words)))


def _in_parquet(path: Path, sought: Sought) -> Iterator[str]:
    rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    if USER in rows.collect_schema():
        ids = pl.col(USER).cast(pl.String)
        yield from rows.filter(ids.str.contains_any(list(sought.names))).select(ids.unique()).collect().to_series()


def _in_store(path: Path, sought: Sought) -> Iterator[str]:
    try:
        yield from (cell.decode(errors="replace") for cell in database_cells(path, sought.names, columns=(USER,)))
    except sqlite3.Error:  # what cannot be read is searched by its bytes
        return

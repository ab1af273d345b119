"""Bring the table `snapshot` of a night into the online store."""

import json
from collections.abc import Iterator

import polars as pl

from feature_store.layout import TableReader
from feature_store.online.protocol import OnlineStore
from feature_store.schema import SNAPSHOT

USERS_AT_ONCE = 20_000


def load_snapshot(store: OnlineStore, snapshot: TableReader) -> str:
    """Make the store answer from this snapshot; a process that serves notices by itself.

    Returns:
        The version: digest of the table's content, so that loading the same snapshot again does nothing.
    """
    version = snapshot.manifest.content_digest
    files = snapshot.scan_files(SNAPSHOT)
    store.load_snapshot(version, (row for file in files for row in snapshot_rows(file.collect())))
    return version


def snapshot_rows(users: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Rows of the table `snapshot` as `OnlineStore.load_snapshot` takes them."""
    for some in users.iter_slices(USERS_AT_ONCE):
        times = some["event_times"].list.eval(pl.element().dt.epoch("us"))
        columns = (some["user_id"], some["item_ids"], some["kinds"], times, some["attributes"], some["seen"])
        for user_id, item_ids, kinds, moments, pairs, seen in zip(*(column.to_list() for column in columns), strict=True):
            attributes = [{pair["name"]: pair["value"] for pair in pairs}] if pairs else []
            yield user_id, json.dumps([item_ids, kinds, moments, *attributes]), json.dumps(seen)

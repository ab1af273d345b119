"""What a store in a file does beside the contract."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_store.errors import OnlineStoreError
from feature_store.online.protocol import AddedItem, PostedEvent
from feature_store.online.sqlite import SqliteStore
from feature_store.schema import SNAPSHOT
from feature_store.snapshot import snapshot_rows

EVENT = PostedEvent("e1", "u", "i1", "rating", 5, 4.5, "r", "release", 3)


def test_of_items_of_which_one_cannot_be_added_none_is(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    first, second = (AddedItem({"item_id": name}, b"", b"", 2.5) for name in "ab")
    store.add_items("one", [first])
    broken = AddedItem({"item_id": "c"}, b"", b"", None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add_items("one", [second, broken])
    assert store.added_items("one") == [first]
    assert store.additions_version("one") == 1
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OnlineStoreError, match="no online store"):
        SqliteStore(tmp_path / "store.sqlite")


def test_rows_of_the_table_become_rows_of_the_store() -> None:
    import polars as pl

    read = ("u", ["i1"], [3], [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], ["i1"], [])
    told = ("v", [], [], [], [], [{"name": "age", "value": "20-29"}])
    frame = pl.DataFrame([read, told], schema=SNAPSHOT.schema, orient="row")
    assert list(snapshot_rows(frame)) == [("u", '[["i1"], [3], [1000000]]', '["i1"]'), ("v", '[[], [], [], {"age": "20-29"}]', "[]")]


def test_an_erased_user_is_in_no_byte_of_the_file_nor_of_its_log_while_others_read_it(tmp_path: Path) -> None:
    path, user = tmp_path / "store.sqlite", "shopper-4711@example.com"
    api, store = SqliteStore(path), SqliteStore(path)
    store.load_snapshot("old", [(user, '[["i7"], [3], [9]]', "[]"), ("other", "[[], [], []]", "[]")])
    store.load_snapshot("new", [("other", "[[], [], []]", "[]")])  # free pages hold the old one
    api.append([replace(EVENT, event_id=f"{number}", user_id=user) for number in range(500)])
    assert api.user(user).known
    assert store.erase([user]) == 500
    assert not api.user(user).known
    assert api.user("other").item_ids == []
    held = {part.name: part.read_bytes() for part in tmp_path.iterdir()}
    assert [name for name, content in held.items() if user.encode() in content] == []
    api.close()
    store.close()


def test_events_that_are_too_old_leave_the_file_with_the_next_snapshot(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append([EVENT])
    store.close()
    store = SqliteStore(tmp_path / "store.sqlite", posted_days=30)
    store.load_snapshot("one", [])
    store.close()
    store = SqliteStore(tmp_path / "store.sqlite")
    assert store.user("u").posted == []
    store.close()

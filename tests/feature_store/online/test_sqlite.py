from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_store.online.protocol import PostedEvent
from feature_store.online.sqlite import OnlineStoreError, SqliteStore
from feature_store.schema import SNAPSHOT
from feature_store.snapshot import snapshot_rows

EVENT = PostedEvent("e1", "u", "i1", "rating", 5, 4.5, "r", "release", 3)


def test_a_user_comes_back_as_the_snapshot_and_the_posts_have_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.load_snapshot("one", [("u", '[["i7"], [3], [9]]', '["i7", "i8"]')])
    assert store.append([EVENT, EVENT]) == 1
    user = store.user("u")
    assert (user.item_ids, user.kinds, user.event_times, user.seen) == (["i7"], [3], [9], frozenset({"i7", "i8"}))
    assert user.posted == [EVENT]
    assert not store.user("stranger").known
    store.close()


def test_a_new_snapshot_replaces_the_old_whole_and_keeps_posts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append([EVENT])
    store.load_snapshot("one", [("u", "[[], [], []]", '["i1"]'), ("v", "[[], [], []]", '["i1"]')])
    store.load_snapshot("two", [("u", "[[], [], []]", '["i2"]')])
    assert store.user("u").seen == {"i2"}
    assert store.user("u").posted == [EVENT]
    assert not store.user("v").known
    store.close()


def test_changes_raise_the_revision(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.withdraw(["i1"])
    store.change_item("i2", {"price": 3.0})
    assert store.item_changes().revision == store.revision() == 2
    assert store.item_changes().withdrawn == {"i1"}
    with pytest.raises(OnlineStoreError, match="category"):
        store.change_item("i2", {"category": []})
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OnlineStoreError, match="no online store"):
        SqliteStore(tmp_path / "store.sqlite")


def test_rows_of_the_table_become_rows_of_the_store() -> None:
    import polars as pl

    frame = pl.DataFrame([("u", ["i1"], [3], [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], ["i1"])], schema=SNAPSHOT.schema, orient="row")
    assert list(snapshot_rows(frame)) == [("u", '[["i1"], [3], [1000000]]', '["i1"]')]

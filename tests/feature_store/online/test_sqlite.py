import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_store.online.protocol import AddedItem, PostedEvent
from feature_store.online.sqlite import OnlineStoreError, SqliteStore
from feature_store.schema import SNAPSHOT
from feature_store.snapshot import snapshot_rows
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserNames

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


def test_what_was_withdrawn_comes_back_when_it_is_restored(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.withdraw(["i1", "i2"])
    store.restore(["i1"])
    assert store.item_changes().withdrawn == {"i2"}
    assert store.revision() == 2
    store.close()


def added(item_id: str, title: str = "a cup") -> AddedItem:
    return AddedItem({"item_id": item_id, "title": title}, b"\x00\x00\x80?", b"", 2.5)


def test_an_added_item_comes_back_whole_and_only_for_its_release(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.add_items("one", [added("b"), added("a")])
    assert store.added_items("one") == [added("a"), added("b")]
    assert store.added_items("two") == []
    assert (store.additions_version("one"), store.additions_version("two"), store.revision()) == (1, 0, 0)
    store.close()


def test_an_item_added_again_is_replaced(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.add_items("one", [added("a"), added("b")])
    store.add_items("one", [added("a", "a saucer")])
    assert store.added_items("one") == [added("a", "a saucer"), added("b")]
    assert store.additions_version("one") == 2
    store.close()


def test_of_items_of_which_one_cannot_be_added_none_is(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.add_items("one", [added("a")])
    broken = AddedItem({"item_id": "c"}, b"", b"", None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add_items("one", [added("b"), broken])
    assert store.added_items("one") == [added("a")]
    assert store.additions_version("one") == 1
    store.close()


def test_additions_to_releases_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.add_items("one", [added("a")])
    store.add_items("two", [added("a")])
    store.forget_additions(keep=["two", "three"])
    assert (store.added_items("one"), store.additions_version("one")) == ([], 0)
    assert (store.added_items("two"), store.additions_version("two")) == ([added("a")], 1)
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OnlineStoreError, match="no online store"):
        SqliteStore(tmp_path / "store.sqlite")


def test_rows_of_the_table_become_rows_of_the_store() -> None:
    import polars as pl

    frame = pl.DataFrame([("u", ["i1"], [3], [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], ["i1"])], schema=SNAPSHOT.schema, orient="row")
    assert list(snapshot_rows(frame)) == [("u", '[["i1"], [3], [1000000]]', '["i1"]')]


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


def test_events_posted_under_another_key_go_with_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.set_key_id("first")
    store.append([EVENT])
    store.set_key_id("first")
    assert store.user("u").posted == [EVENT]
    store.set_key_id("second")
    assert (store.key_id(), store.user("u").posted) == ("second", [])
    store.close()


@pytest.mark.parametrize(("key_id", "left"), [(UserNames().key_id, [EVENT]), ("first", [])])
def test_events_posted_before_any_snapshot_stand_under_the_shops_own_ids(tmp_path: Path, key_id: str, left: list[PostedEvent]) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append([EVENT])
    store.set_key_id(key_id)
    assert store.user("u").posted == left
    store.close()


def test_posted_events_that_are_too_old_go(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append([EVENT, replace(EVENT, event_id="e2", event_time=9)])
    store.forget_posted(before=9)
    assert [event.event_id for event in store.user("u").posted] == ["e2"]
    store.close()


def test_an_event_that_is_on_its_way_while_its_user_is_erased_does_not_come_in(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.set_tombstones(Tombstones().with_users(["u"]))  # after the API looked who was erased
    assert store.append([EVENT, replace(EVENT, event_id="e2", user_id="v")]) == 1
    assert (store.user("u").known, store.user("v").known) == (False, True)
    store.close()


def test_the_store_tells_who_was_erased(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    assert not store.tombstones().holds("u")
    store.set_tombstones(Tombstones().with_users(["u"]))
    assert store.tombstones().holds("u")
    store.close()

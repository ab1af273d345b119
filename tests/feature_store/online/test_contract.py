"""What every online store does, whichever it is."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import OnlineStoreError
from feature_store.online.protocol import POSTED_PER_USER, AddedItem, OnlineStore, PostedEvent
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserNames
from tests.feature_store.online.conftest import Open
from tests.support.killing import ROOT, kill_once

EVENT = PostedEvent("e1", "u", "i1", "rating", 5, 4.5, "r", "release", 3)
NOTHING = "[[], [], []]"
DAY = 86_400_000_000


def now() -> int:
    return time.time_ns() // 1000


def test_a_user_comes_back_as_the_snapshot_and_the_posts_have_it(store: OnlineStore) -> None:
    store.load_snapshot("one", [("u", '[["i7"], [3], [9]]', '["i7", "i8"]')])
    assert store.append([EVENT, EVENT]) == 1
    user = store.user("u")
    assert (user.item_ids, user.kinds, user.event_times, user.seen) == (["i7"], [3], [9], frozenset({"i7", "i8"}))
    assert user.posted == [EVENT]
    assert not store.user("stranger").known


def test_what_the_shop_says_of_a_user_comes_back_beside_the_history(store: OnlineStore) -> None:
    store.load_snapshot("one", [("u", '[["i7"], [3], [9], {"age": "20-29"}]', "[]"), ("v", '[[], [], [], {"age": "60-"}]', "[]")])
    assert [(user.item_ids, user.attributes, user.known) for user in store.users(["u", "v", "w"])] == [
        (["i7"], {"age": "20-29"}, True),
        ([], {"age": "60-"}, True),
        ((), {}, False),
    ]


def test_several_users_come_back_in_the_order_asked_for(store: OnlineStore) -> None:
    store.load_snapshot("one", [("u", '[["i7"], [3], [9]]', '["i7"]'), ("v", NOTHING, '["i8"]')])
    store.append([EVENT])
    found = store.users(["v", "stranger", "u", "v"])
    assert found == [store.user(user) for user in ("v", "stranger", "u", "v")]
    assert [user.seen for user in found] == [{"i8"}, set(), {"i7"}, {"i8"}]
    assert found[2].posted == [EVENT]
    assert store.users([]) == []


def test_what_one_process_posts_the_next_one_reads(opened: Open) -> None:
    api, other = opened(), opened()
    api.append([EVENT])
    assert other.user("u").posted == [EVENT]


def test_posted_events_come_oldest_first_and_at_one_moment_by_their_ids(store: OnlineStore) -> None:
    store.append([replace(EVENT, event_id=name, event_time=moment) for name, moment in (("c", 7), ("b", 5), ("a", 7), ("d", 6))])
    assert [event.event_id for event in store.user("u").posted] == ["b", "d", "a", "c"]


def test_of_posted_events_the_newest_are_read(store: OnlineStore) -> None:
    store.append([replace(EVENT, event_id=f"{moment:05}", event_time=moment) for moment in range(POSTED_PER_USER + 3)])
    posted = store.user("u").posted
    assert len(posted) == POSTED_PER_USER
    assert (posted[0].event_time, posted[-1].event_time) == (3, POSTED_PER_USER + 2)


def test_an_event_id_counts_once_whoever_posts_it_and_the_first_stands(store: OnlineStore) -> None:
    assert store.append([EVENT]) == 1
    assert store.append([replace(EVENT, user_id="v"), replace(EVENT, item_id="i9")]) == 0
    assert store.user("u").posted == [EVENT]
    assert not store.user("v").known


def test_what_few_events_have_comes_back_as_it_was(store: OnlineStore) -> None:
    bare = PostedEvent('ключ "1"', "u\n\0", "商品", "click", now())
    store.append([bare])
    assert store.user(bare.user_id).posted == [bare]


def test_events_posted_at_once_by_many_threads_count_once_each(opened: Open) -> None:
    handles = [opened() for _ in range(4)]
    events = [replace(EVENT, event_id=str(number), event_time=number) for number in range(100)]
    start = threading.Barrier(8)

    def post(handle: OnlineStore) -> int:
        start.wait()
        return sum(handle.append(events[first : first + 10]) for first in range(0, 100, 10))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(post, handles * 2)) == 100
    assert handles[0].user("u").posted == events


def test_nobody_sees_half_of_what_is_posted_together(opened: Open) -> None:
    api, other = opened(), opened()
    together = [[replace(EVENT, event_id=f"{batch} {number}", event_time=batch) for number in range(40)] for batch in range(20)]
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        posting = pool.submit(lambda: [api.append(events) for events in together])
        while not posting.done():
            seen.add(len(other.user("u").posted))
    assert posting.result() == [40] * 20
    assert {number % 40 for number in seen} <= {0}


POSTING = """
import sys
from feature_store.online.opening import open_store
from feature_store.online.protocol import PostedEvent
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.append([PostedEvent(str(number), "u", "i", "click", number)]) for number in range(100)))
"""


def test_events_posted_at_once_by_two_processes_count_once_each(place: str, store: OnlineStore) -> None:
    command = [sys.executable, "-c", POSTING, place]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        ours = sum(store.append([PostedEvent(str(number), "u", "i", "click", number)]) for number in range(100))
        theirs = int(other.stdout.readline())
    assert ours + theirs == 100
    assert len(store.user("u").posted) == 100


def test_posted_events_that_are_too_old_go(store: OnlineStore) -> None:
    store.append([EVENT, replace(EVENT, event_id="e2", event_time=9)])
    store.forget_posted(before=9)
    assert [event.event_id for event in store.user("u").posted] == ["e2"]


def test_events_end_once_they_are_as_old_as_is_allowed(opened: Open) -> None:
    store = opened(posted_days=1)
    soon = now() - DAY + 4_000_000  # ends in 4 s
    events = [replace(EVENT, event_id="old", event_time=soon - DAY), replace(EVENT, event_id="ends", event_time=soon)]
    assert store.append([*events, replace(EVENT, event_id="stays", event_time=now())]) == 2
    assert [event.event_id for event in store.user("u").posted] == ["ends", "stays"]
    time.sleep(4.1)
    assert [event.event_id for event in store.user("u").posted] == ["stays"]
    assert store.append([replace(EVENT, event_id="ends", event_time=soon)]) == 0


def test_without_a_limit_no_event_ends(opened: Open) -> None:
    limited, unlimited = opened(posted_days=1), opened()
    limited.append([replace(EVENT, event_id="a", event_time=now() - DAY + 300_000)])
    unlimited.append([EVENT])
    time.sleep(0.4)
    assert unlimited.user("u").posted[0] == EVENT


def test_a_new_snapshot_replaces_the_old_whole_and_keeps_posts(store: OnlineStore) -> None:
    store.append([EVENT])
    store.load_snapshot("one", [("u", NOTHING, '["i1"]'), ("v", NOTHING, '["i1"]')])
    store.load_snapshot("two", [("u", NOTHING, '["i2"]')])
    assert store.snapshot_version() == "two"
    assert store.user("u").seen == {"i2"}
    assert store.user("u").posted == [EVENT]
    assert not store.user("v").known


def test_the_snapshot_that_is_read_is_not_loaded_again(store: OnlineStore) -> None:
    store.load_snapshot("one", [("u", NOTHING, '["i1"]')])
    store.load_snapshot("one", [("u", NOTHING, '["i2"]')])
    assert store.user("u").seen == {"i1"}


def test_a_snapshot_of_nobody_can_be_loaded(store: OnlineStore) -> None:
    assert store.snapshot_version() is None
    store.load_snapshot("one", [("u", NOTHING, '["i1"]')])
    store.load_snapshot("two", [])
    assert (store.snapshot_version(), store.user("u").known, store.some_users(3)) == ("two", False, [])


def test_while_a_snapshot_is_loaded_the_one_before_is_read(opened: Open) -> None:
    store, api = opened(), opened()
    store.load_snapshot("one", [(f"u{number}", NOTHING, '["one"]') for number in range(1_200)])
    seen = []

    def users() -> object:
        for number in range(1_200):
            if number % 400 == 399:
                seen.append({next(iter(user.seen)) for user in api.users([f"u{other}" for other in range(0, 1_200, 100)])})
            yield f"u{number}", NOTHING, '["two"]'

    store.load_snapshot("two", users())  # type: ignore[arg-type]
    assert seen == [{"one"}] * 3
    assert {next(iter(user.seen)) for user in api.users([f"u{number}" for number in range(1_200)])} == {"two"}


LOADING = """
import sys, time
from pathlib import Path
from feature_store.online.opening import open_store
def users():
    for number in range(6_000):
        yield f"u{number}", "[[], [], []]", '["two"]'
    Path(sys.argv[2]).touch()
    time.sleep(60)
open_store(sys.argv[1]).load_snapshot("two", users())
"""


def test_a_killed_load_leaves_the_snapshot_before_and_the_next_one_is_whole(store: OnlineStore, place: str, tmp_path: Path) -> None:
    store.load_snapshot("one", [("u5", NOTHING, '["one"]')])
    half = tmp_path / "half"
    kill_once(half.exists, [sys.executable, "-c", LOADING, place, str(half)], within_s=60)
    assert (store.snapshot_version(), store.user("u5").seen, store.user("u6").known) == ("one", {"one"}, False)
    store.load_snapshot("two", [("u5", NOTHING, '["two"]')])
    assert (store.user("u5").seen, store.user("u6").known) == ({"two"}, False)


def test_some_users_of_the_snapshot_are_named(store: OnlineStore) -> None:
    everybody = {f"u{number}" for number in range(700)}
    assert store.some_users(5) == []
    store.load_snapshot("one", [(user, NOTHING, "[]") for user in everybody])
    some = store.some_users(5)
    assert len(set(some)) == 5
    assert set(some) < everybody


def test_an_erased_user_is_gone_and_others_stay(store: OnlineStore) -> None:
    store.load_snapshot("one", [("u", '[["i7"], [3], [9]]', "[]"), ("v", '[["i8"], [3], [9]]', "[]")])
    store.append([EVENT, replace(EVENT, event_id="e2"), replace(EVENT, event_id="e3", user_id="v")])
    assert store.erase(["u", "p_u"]) == 3
    assert not store.user("u").known
    assert (store.user("v").item_ids, len(store.user("v").posted)) == (["i8"], 1)
    assert store.erase(["u", "p_u"]) == 0


def test_an_event_that_is_on_its_way_while_its_user_is_erased_does_not_come_in(store: OnlineStore) -> None:
    store.set_tombstones(Tombstones().with_users(["u"]))  # after the API looked who was erased
    assert store.append([EVENT, replace(EVENT, event_id="e2", user_id="v")]) == 1
    assert (store.user("u").known, store.user("v").known) == (False, True)


def test_the_store_tells_who_was_erased(store: OnlineStore) -> None:
    assert not store.tombstones().holds("u")
    store.set_tombstones(Tombstones().with_users(["u"]))
    assert store.tombstones().holds("u")


def test_events_posted_under_another_key_go_with_it(store: OnlineStore) -> None:
    store.set_key_id("first")
    store.append([EVENT])
    store.set_key_id("first")
    assert store.user("u").posted == [EVENT]
    store.set_key_id("second")
    assert (store.key_id(), store.user("u").posted) == ("second", [])


@pytest.mark.parametrize(("key_id", "left"), [(UserNames().key_id, [EVENT]), ("first", [])])
def test_events_posted_before_any_snapshot_stand_under_the_shops_own_ids(store: OnlineStore, key_id: str, left: list[PostedEvent]) -> None:
    store.append([EVENT])
    store.set_key_id(key_id)
    assert store.user("u").posted == left


def test_changes_raise_the_revision(store: OnlineStore) -> None:
    assert (store.revision(), store.item_changes().changed) == (0, {})
    store.withdraw(["i1"])
    store.change_item("i2", {"price": 3.0})
    assert store.item_changes().revision == store.revision() == 2
    assert store.item_changes().withdrawn == {"i1"}
    with pytest.raises(OnlineStoreError, match="category"):
        store.change_item("i2", {"category": []})


def test_changes_of_an_item_add_up_and_the_last_of_a_field_counts(store: OnlineStore) -> None:
    store.change_item("i", {"price": 3.0, "title": "cup"})
    store.change_item("i", {"price": 4.0, "in_stock": False})
    assert store.item_changes().changed == {"i": {"price": 4.0, "title": "cup", "in_stock": False}}


def test_what_was_withdrawn_comes_back_when_it_is_restored(store: OnlineStore) -> None:
    store.withdraw(["i1", "i2"])
    store.restore(["i1"])
    assert store.item_changes().withdrawn == {"i2"}
    assert store.revision() == 2


def added(item_id: str, title: str = "a cup") -> AddedItem:
    return AddedItem({"item_id": item_id, "title": title}, b"\x00\x00\x80?", b"", 2.5)


def test_an_added_item_comes_back_whole_and_only_for_its_release(store: OnlineStore) -> None:
    store.add_items("one", [added("b"), added("a")])
    assert store.added_items("one") == [added("a"), added("b")]
    assert store.added_items("two") == []
    assert (store.additions_version("one"), store.additions_version("two"), store.revision()) == (1, 0, 0)


def test_an_item_added_again_is_replaced(store: OnlineStore) -> None:
    store.add_items("one", [added("a"), added("b")])
    store.add_items("one", [added("a", "a saucer")])
    assert store.added_items("one") == [added("a", "a saucer"), added("b")]
    assert store.additions_version("one") == 2


def test_additions_to_releases_that_are_gone_are_forgotten(store: OnlineStore) -> None:
    store.add_items("one", [added("a")])
    store.add_items("two", [added("a")])
    store.forget_additions(keep=["two", "three"])
    assert (store.added_items("one"), store.additions_version("one")) == ([], 0)
    assert (store.added_items("two"), store.additions_version("two")) == ([added("a")], 1)


def test_the_store_says_where_it_is(store: OnlineStore, place: str) -> None:
    assert store.where == place

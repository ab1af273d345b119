"""What a store in Redis does beside the contract."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feature_store.errors import OnlineStoreError
from feature_store.online.opening import open_redis
from feature_store.online.protocol import DAY_MICROSECONDS, POSTED_PER_USER, PostedEvent
from feature_store.tombstones import Tombstones
from tests.support.redis_server import RedisServer, redis_server

if TYPE_CHECKING:
    from redis import Redis

    from feature_store.online.redis_store import RedisStore

EVENT = PostedEvent("e1", "u", "i1", "click", 5)
NOTHING = "[[], [], []]"
USER, OTHER = "shopper-4711@example.com", "shopper-4712@example.com"
SECRET = "open sesame, said nobody"


@pytest.fixture
def store(empty_redis: RedisServer) -> "Iterator[RedisStore]":
    with contextlib.closing(open_redis(empty_redis.url)) as opened:
        yield opened


@pytest.fixture
def redis(empty_redis: RedisServer) -> "Iterator[Redis]":
    from redis import Redis

    with Redis(port=empty_redis.port, decode_responses=True) as client:
        yield client


@contextlib.contextmanager
def counted(server: RedisServer) -> Iterator[Callable[[], int]]:
    """How many connections the server has been asked for since."""
    from redis import Redis

    with Redis(port=server.port) as client:
        before = client.info("stats")["total_connections_received"]
        yield lambda: client.info("stats")["total_connections_received"] - before


def test_redis_itself_drops_what_is_too_old_and_leaves_no_key_of_it(empty_redis: RedisServer, redis: "Redis") -> None:
    soon = time.time_ns() // 1000 - DAY_MICROSECONDS + 500_000
    with contextlib.closing(open_redis(empty_redis.url, posted_days=1)) as store:
        store.append([replace(EVENT, event_id="ends", event_time=soon), replace(EVENT, user_id="v", event_time=soon + DAY_MICROSECONDS)])
    time.sleep(0.6)
    assert sorted(redis.scan_iter()) == ["vitrine:event:e1", "vitrine:posted:v"]
    assert DAY_MICROSECONDS / 1000 - 2_000 < redis.pttl("vitrine:posted:v") == pytest.approx(redis.pttl("vitrine:event:e1"), abs=100)


def test_a_limit_that_is_lifted_keeps_what_a_user_posts_from_then_on(empty_redis: RedisServer, store: "RedisStore", redis: "Redis") -> None:
    with contextlib.closing(open_redis(empty_redis.url, posted_days=1)) as limited:
        limited.append([replace(EVENT, event_time=time.time_ns() // 1000)])
    store.append([replace(EVENT, event_id="e2")])
    assert redis.ttl("vitrine:posted:u") == redis.ttl("vitrine:event:e2") == -1


@pytest.mark.parametrize("days_before", [0, 9])
def test_a_limit_that_comes_later_leaves_no_key_of_an_event_that_it_drops(
    empty_redis: RedisServer, redis: "Redis", days_before: int
) -> None:
    today = time.time_ns() // 1000
    with contextlib.closing(open_redis(empty_redis.url, posted_days=days_before)) as before:
        before.append([replace(EVENT, event_time=today - 5 * DAY_MICROSECONDS)])
    with contextlib.closing(open_redis(empty_redis.url, posted_days=1)) as limited:
        limited.append([replace(EVENT, event_id="e2", event_time=today)])
        assert sorted(redis.scan_iter()) == ["vitrine:event:e2", "vitrine:posted:u"]
        assert limited.append([replace(EVENT, event_time=today)]) == 1


def test_no_more_events_of_a_user_are_kept_than_are_read(store: "RedisStore", redis: "Redis") -> None:
    store.append([replace(EVENT, event_id=str(number), event_time=number) for number in range(POSTED_PER_USER)])
    store.append([replace(EVENT, event_id=str(number), event_time=number) for number in range(POSTED_PER_USER, POSTED_PER_USER + 5)])
    assert redis.dbsize() == POSTED_PER_USER + 1
    assert redis.zrange("vitrine:posted:u", 0, 0) == ["5"]


def test_of_two_snapshots_the_old_one_goes(store: "RedisStore", redis: "Redis") -> None:
    for version in ("one", "two"):
        store.load_snapshot(version, [("u", NOTHING, "[]")])
    assert list(redis.scan_iter("vitrine:users:*")) == ["vitrine:users:2"]
    assert redis.ttl("vitrine:users:2") == -1


def test_a_batch_that_comes_twice_because_its_answer_was_late_counts_once(store: "RedisStore", redis: "Redis") -> None:
    def late() -> Iterator[tuple[str, str, str]]:
        redis.hset("vitrine:users:1", "u", f'[{NOTHING},["i"]]')
        yield "u", NOTHING, '["i"]'

    store.load_snapshot("one", late())
    assert (store.snapshot_version(), store.user("u").seen) == ("one", {"i"})


def test_long_histories_are_loaded_a_few_at_a_time(store: "RedisStore", redis: "Redis") -> None:
    redis.config_resetstat()
    long = json.dumps(["i" * 600_000])
    store.load_snapshot("one", [(user, NOTHING, long) for user in ("u", "v", "w")])
    assert redis.info("commandstats")["cmdstat_hset"]["calls"] == 3  # two users, one user, the pointer
    assert store.user("w").seen == {"i" * 600_000}


def test_what_a_broken_load_left_ends_by_itself_and_goes_with_the_next_load(store: "RedisStore", redis: "Redis") -> None:
    def breaking() -> Iterator[tuple[str, str, str]]:
        yield from ((f"u{number}", NOTHING, "[]") for number in range(600))
        raise RuntimeError("the night was ended")

    with pytest.raises(RuntimeError):
        store.load_snapshot("one", breaking())
    assert 3_500 < redis.ttl("vitrine:users:1") <= 3_600
    store.load_snapshot("one", [("u", NOTHING, "[]")])
    assert list(redis.scan_iter("vitrine:users:*")) == ["vitrine:users:2"]
    assert not redis.exists("vitrine:loading")


def test_of_two_loads_at_once_the_one_that_is_overtaken_says_so(empty_redis: RedisServer, store: "RedisStore") -> None:
    def overtaken() -> Iterator[tuple[str, str, str]]:
        yield from ((f"u{number}", NOTHING, "[]") for number in range(600))
        with contextlib.closing(open_redis(empty_redis.url)) as other:
            other.load_snapshot("two", [("v", NOTHING, '["i"]')])

    with pytest.raises(OnlineStoreError, match="another process loads one too"):
        store.load_snapshot("one", overtaken())
    assert (store.snapshot_version(), store.user("v").seen) == ("two", {"i"})


def test_a_user_who_is_erased_between_the_look_and_the_append_stays_out(store: "RedisStore") -> None:
    class Overtaken(list[PostedEvent]):
        """Read for the first time, it lets the user be erased."""

        def __iter__(self) -> Iterator[PostedEvent]:
            if not store.tombstones().digests:
                store.set_tombstones(Tombstones().with_users(["u"]))
            return super().__iter__()

    assert store.append(Overtaken([EVENT])) == 0
    assert not store.user("u").known


def test_an_erased_user_is_in_no_byte_of_any_key_value_or_file(tmp_path: Path) -> None:
    from redis import Redis

    with redis_server(tmp_path, "--appendonly", "yes", "--save", "3600 1") as server, Redis(port=server.port) as redis:
        with contextlib.closing(open_redis(server.url)) as store:
            store.load_snapshot("one", [(USER, '[["i7"], [3], [9]]', "[]"), (OTHER, '[["i7"], [3], [9]]', "[]")])
            with contextlib.suppress(ZeroDivisionError):  # a load that breaks holds the user too
                store.load_snapshot("two", ((name, NOTHING, str(1 // (number < 600))) for number, name in enumerate([USER] * 601)))
            store.append([replace(EVENT, event_id=f"{user}:{number}", user_id=user) for user in (USER, OTHER) for number in range(50)])
            redis.save()
            assert all(any(USER.encode() in held for name, held in server.bytes().items() if kind in name) for kind in (".rdb", ".aof"))
            assert store.erase([USER]) == 52
            assert [key for key, text in store.contents() if USER in text] == []
        values = {key: redis.dump(key) or b"" for key in redis.scan_iter()}
        assert [key for key, value in values.items() if USER.encode() in key + value] == []
        assert [name for name, held in server.bytes().items() if USER.encode() in held] == []
        server.stop()
        server.start()
        with contextlib.closing(open_redis(server.url)) as store:
            assert not store.user(USER).known
            assert (store.user(OTHER).item_ids, len(store.user(OTHER).posted)) == (["i7"], 50)


def test_files_that_cannot_be_written_anew_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with redis_server(folder) as server, contextlib.closing(open_redis(server.url)) as store:
        shutil.rmtree(folder)
        with pytest.raises(OnlineStoreError, match="BGSAVE ended with 'err'"):
            store.erase([USER])


def test_another_key_holds_only_once_the_files_are_free_of_what_was_posted_under_the_one_before(tmp_path: Path) -> None:
    dump = tmp_path / "dump.rdb"
    with redis_server(tmp_path) as server, contextlib.closing(open_redis(server.url)) as store:
        dump.mkdir()
        store.set_key_id("first")  # nothing was posted, so no file is written
        store.append([EVENT])
        for _ in range(2):
            with pytest.raises(OnlineStoreError, match="BGSAVE ended with 'err'"):
                store.set_key_id("second")
        assert store.key_id() == "first"
        dump.rmdir()
        store.set_key_id("second")
        assert (store.key_id(), dump.is_file()) == ("second", True)


def test_a_second_look_reads_every_key_whatever_holds_it(store: "RedisStore", redis: "Redis") -> None:
    store.load_snapshot("one", [("u", NOTHING, '["seen"]')])
    store.append([EVENT])
    store.withdraw(["withdrawn"])
    store.set_tombstones(Tombstones())
    store.set_key_id("own")
    redis.sadd("vitrine:loading", "left")
    found = dict(store.contents())
    assert set(found) == set(redis.scan_iter())
    held = "\n".join(text for _, text in store.contents())
    assert all(word in held for word in ("seen", "click", "withdrawn", "salt", "own", "left", "vitrine:posted:u"))


def test_two_shops_share_a_redis_and_keys_of_others_stay(empty_redis: RedisServer, store: "RedisStore", redis: "Redis") -> None:
    redis.set("theirs", "u")
    store.append([EVENT])
    with contextlib.closing(open_redis(f"{empty_redis.url[:-1]}1")) as other:
        assert not other.user("u").known
        other.append([EVENT])
    store.set_key_id("another")
    store.erase(["u"])
    assert set(redis.scan_iter()) == {"theirs", "vitrine:key_id"}
    with contextlib.closing(open_redis(f"{empty_redis.url[:-1]}1")) as other:
        assert other.user("u").posted == [EVENT]


def test_the_password_is_asked_for_and_never_repeated(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", SECRET) as server:
        for given in ("", SECRET[:-1]):
            with pytest.raises(OnlineStoreError, match=f"{server.url} lets nobody in.*VITRINE_REDIS_PASSWORD") as told:
                open_redis(server.url, password=given)
            assert SECRET[:-1] not in str(told.value)
        with contextlib.closing(open_redis(server.url, password=SECRET)) as store:
            assert store.append([EVENT]) == 1
            assert SECRET not in store.where


def test_a_redis_that_is_gone_is_named_and_used_again_once_it_is_back(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--appendonly", "yes") as server, contextlib.closing(open_redis(server.url)) as store:
        store.append([EVENT])
        server.stop()
        for ask in (lambda: store.user("u"), lambda: store.append([EVENT]), store.revision, store.item_changes):
            with pytest.raises(OnlineStoreError, match=f"{server.url} cannot be reached"):
                ask()
        server.start()
        assert store.user("u").posted == [EVENT]
        assert store.append([EVENT]) == 0


def test_a_redis_that_hangs_is_waited_for_once_and_then_left_alone_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_store.online.redis_link.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("feature_store.online.redis_link.REST_SECONDS", 3600.0)
    with redis_server(tmp_path) as server, contextlib.closing(open_redis(server.url)) as store, counted(server) as connections:
        with server.hanging(), pytest.raises(OnlineStoreError, match=r"cannot be reached \(no answer within 0\.2 s\)"):
            store.user("u")
        assert connections() == 0  # nobody tried again
        with pytest.raises(OnlineStoreError, match=r"no answer within 0\.2 s.*so it was not asked now"):
            store.user("u")
        with contextlib.closing(open_redis(server.url)) as another:  # of a process that has not waited in vain
            assert not another.user("u").known


def test_a_redis_that_hung_is_asked_again_after_the_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_store.online.redis_link.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("feature_store.online.redis_link.REST_SECONDS", 0.0)
    with redis_server(tmp_path) as server, contextlib.closing(open_redis(server.url)) as store:
        with server.hanging(), pytest.raises(OnlineStoreError, match="cannot be reached"):
            store.user("u")
        assert not store.user("u").known


def test_a_full_redis_says_so_and_is_read_on(store: "RedisStore", redis: "Redis") -> None:
    store.load_snapshot("one", [("u", NOTHING, '["i"]')])
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OnlineStoreError, match=r"refuses .*maxmemory"):
            store.append([EVENT])
        assert store.user("u").seen == {"i"}
    finally:
        redis.config_set("maxmemory", 0)

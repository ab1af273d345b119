"""The online store in a Redis, for as many API processes as there are: one snapshot is one hash, swapped by one pointer."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from feature_store.errors import OnlineStoreError
from feature_store.online import redis_scripts as scripts
from feature_store.online.address import RedisAddress
from feature_store.online.protocol import (
    DAY_MICROSECONDS,
    POSTED_PER_USER,
    AddedItem,
    ItemChanges,
    PostedEvent,
    UserState,
    check_changeable,
    oldest_shown,
)
from feature_store.online.redis_files import write_files_anew
from feature_store.online.redis_link import RedisLink
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserNames

T = TypeVar("T")

ROWS_AT_ONCE = 500
"""Users per command of a snapshot that is loaded, so that nobody else waits long."""
TEXT_AT_ONCE = 1_000_000
"""Letters after which a command of it ends, however few its users: a history may be long."""
KEYS_AT_ONCE = 200
"""Users whose posted events one script removes."""
LOADING_SECONDS = 3_600
"""What a killed load left is gone so long after its last batch."""


class RedisStore:
    """Implements `OnlineStore`; every method raises OnlineStoreError where Redis does not answer or refuses.

    Redis itself drops posted events that are too old. A changed `posted_days` holds for earlier events of a user from the next one on.

    Args:
        address: Of the Redis.
        password: Empty: none.
        posted_days: Older posted events are neither taken in nor shown, and removed; 0: the newest POSTED_PER_USER of each user stay.

    Raises:
        OnlineStoreError: Redis does not answer, or does not let us in.
    """

    def __init__(self, address: RedisAddress, *, password: str = "", posted_days: int = 0) -> None:
        self._redis, self._posted_days = RedisLink(address, password), posted_days
        with self._redis() as redis:
            redis.exists(scripts.SNAPSHOT)  # a Redis that takes no writes refuses PING, too
            self._users = redis.register_script(scripts.USERS)

    @property
    def where(self) -> str:
        """See `OnlineStore`."""
        return str(self._redis.address)

    def close(self) -> None:
        """See `OnlineStore`."""
        self._redis.close()

    def user(self, user_id: str) -> UserState:
        """See `OnlineStore`."""
        return self.users([user_id])[0]

    def users(self, user_ids: Sequence[str]) -> list[UserState]:
        """See `OnlineStore`."""
        with self._redis():
            found = self._users(args=[POSTED_PER_USER, *user_ids])
        return [_state(user_id, row, posted) for user_id, (row, posted) in zip(user_ids, found, strict=True)]

    def some_users(self, limit: int) -> list[str]:
        """See `OnlineStore`."""
        with self._redis() as redis:
            place = redis.hget(scripts.SNAPSHOT, "place")
            return [user_id for user_id, _ in islice(redis.hscan_iter(str(place), count=limit), limit)] if place else []

    def append(self, events: Sequence[PostedEvent]) -> int:
        """See `OnlineStore`; an erasure comes before all of it or finds all of it."""
        oldest = oldest_shown(self._posted_days)

        def take(pipeline: Pipeline) -> None:
            """Redis refuses what follows `multi` if tombstones have changed since they were read; then this is called again."""
            erased = _tombstones(pipeline.get(scripts.TOMBSTONES))
            taken = [event for event in events if event.event_time >= oldest and not erased.holds(event.user_id)]
            rows = [part for event in taken for part in (event.user_id, event.event_id, event.event_time, _row(event))]
            pipeline.multi()
            life = self._posted_days * DAY_MICROSECONDS // 1000
            pipeline.eval(scripts.APPEND, 0, POSTED_PER_USER, life, oldest, *rows)

        with self._redis() as redis:
            (new,) = cast(list[int], redis.transaction(take, scripts.TOMBSTONES))
        return new

    def forget_posted(self, *, before: int) -> None:
        """See `OnlineStore`."""
        with self._redis() as redis:
            _forget(redis, redis.scan_iter(f"{scripts.POSTED}*", count=KEYS_AT_ONCE), upto=f"({before}")

    def snapshot_version(self) -> str | None:
        """See `OnlineStore`."""
        with self._redis() as redis:
            return _text(redis.hget(scripts.SNAPSHOT, "version"))

    def load_snapshot(self, version: str, users: Iterable[tuple[str, str, str]]) -> None:
        """See `OnlineStore`."""
        if self.snapshot_version() == version:
            return
        with self._redis() as redis:
            place, loaded = f"{scripts.PLACE}{redis.incr(scripts.LOADS)}", 0
            for left in redis.smembers(scripts.LOADING):  # by killed loads
                redis.unlink(left)
                redis.srem(scripts.LOADING, left)
            redis.sadd(scripts.LOADING, place)
        for some in _fields(users):
            with self._redis() as redis, redis.pipeline() as pipeline:
                pipeline.hset(place, mapping=dict(some))
                pipeline.expire(place, LOADING_SECONDS)
                pipeline.execute()
            loaded += len(some)  # not what HSET answers: where it is sent again after a timeout nothing is new
        with self._redis() as redis:
            if not redis.eval(scripts.SWITCH, 0, version, place, loaded):
                raise OnlineStoreError(
                    f"the snapshot that was being loaded into {self.where} is not whole: another process loads one too, or more than "
                    f"{LOADING_SECONDS} s lay between two batches. The one before is read on; run the same command again."
                )

    def tombstones(self) -> Tombstones:
        """See `OnlineStore`."""
        with self._redis() as redis:
            return _tombstones(redis.get(scripts.TOMBSTONES))

    def set_tombstones(self, tombstones: Tombstones) -> None:
        """See `OnlineStore`; with it an erasure begins, also one that goes on where Redis could not write its files before."""
        with self._redis() as redis:
            try:
                redis.set(scripts.TOMBSTONES, tombstones.to_json())
            except ResponseError as error:
                if not str(error).startswith("MISCONF"):
                    raise
                write_files_anew(redis)  # it takes no writes until it could
                redis.set(scripts.TOMBSTONES, tombstones.to_json())

    def erase(self, user_ids: Sequence[str]) -> int:
        """See `OnlineStore`."""
        removed = self.remove(user_ids)
        self.write_files_anew()
        return removed

    def remove(self, user_ids: Sequence[str]) -> int:
        """The first half of `erase`: all rows of these users; how many there were."""
        with self._redis() as redis:
            place, loading = redis.hget(scripts.SNAPSHOT, "place"), redis.smembers(scripts.LOADING)
            removed = sum(redis.hdel(str(name), *user_ids) for name in {place, *loading} if name)
            removed += _forget(redis, (f"{scripts.POSTED}{user_id}" for user_id in user_ids), upto="+inf")
        return removed

    def write_files_anew(self) -> None:
        """The second half: the append-only file and the dump, from what Redis holds now."""
        with self._redis() as redis:
            write_files_anew(redis)

    def contents(self) -> Iterator[tuple[str, str]]:
        """Every key, with every text it holds, itself among them: for a second look after an erasure."""
        with self._redis() as redis:
            for some in _batches(redis.scan_iter(f"{scripts.PREFIX}*", count=KEYS_AT_ONCE, _type="string"), KEYS_AT_ONCE):
                for key, value in zip(some, redis.mget(some), strict=True):
                    yield key, "\n".join((key, str(value)))
            for some in _batches(redis.scan_iter(f"{scripts.PREFIX}*", count=KEYS_AT_ONCE, _type="zset"), KEYS_AT_ONCE):
                with redis.pipeline(transaction=False) as pipeline:
                    for key in some:
                        pipeline.zrange(key, 0, -1)
                    for key, members in zip(some, pipeline.execute(), strict=True):
                        yield key, "\n".join([key, *members])
            for key in redis.scan_iter(f"{scripts.PREFIX}*", count=KEYS_AT_ONCE, _type="hash"):
                for name, value in redis.hscan_iter(key, count=KEYS_AT_ONCE):
                    yield key, f"{key}\n{name}\n{value}"
            for key in redis.scan_iter(f"{scripts.PREFIX}*", count=KEYS_AT_ONCE, _type="set"):
                yield key, "\n".join([key, *redis.sscan_iter(key)])

    def key_id(self) -> str | None:
        """See `OnlineStore`."""
        with self._redis() as redis:
            return _text(redis.get(scripts.KEY_ID))

    def set_key_id(self, key_id: str) -> None:
        """See `OnlineStore`; where Redis cannot write its files anew the key stays as it was, and the next call tries again."""
        others = (self.key_id() or UserNames().key_id) != key_id  # without a key, events were posted under the shop's own ids
        with self._redis() as redis:
            if others and next(redis.scan_iter(f"{scripts.POSTED}*", count=KEYS_AT_ONCE), None):
                redis.set(scripts.UNWRITTEN, 1)
                _forget(redis, redis.scan_iter(f"{scripts.POSTED}*", count=KEYS_AT_ONCE), upto="+inf")
            if redis.exists(scripts.UNWRITTEN):
                write_files_anew(redis)
                redis.delete(scripts.UNWRITTEN)
            redis.set(scripts.KEY_ID, key_id)

    def revision(self) -> int:
        """See `OnlineStore`."""
        with self._redis() as redis:
            return int(redis.get(scripts.REVISION) or 0)

    def item_changes(self) -> ItemChanges:
        """See `OnlineStore`."""
        with self._redis() as redis, redis.pipeline() as pipeline:
            pipeline.get(scripts.REVISION)
            pipeline.smembers(scripts.WITHDRAWN)
            pipeline.hgetall(scripts.CHANGED)
            revision, withdrawn, changed = pipeline.execute()
        return ItemChanges(int(revision or 0), frozenset(withdrawn), {item_id: json.loads(fields) for item_id, fields in changed.items()})

    def change_item(self, item_id: str, values: Mapping[str, Any]) -> None:
        """See `OnlineStore`."""
        check_changeable(item_id, values)

        def change(pipeline: Pipeline) -> None:
            before = pipeline.hget(scripts.CHANGED, item_id)
            pipeline.multi()
            pipeline.hset(scripts.CHANGED, item_id, json.dumps((json.loads(before) if before else {}) | dict(values), sort_keys=True))
            pipeline.incr(scripts.REVISION)

        with self._redis() as redis:
            redis.transaction(change, scripts.CHANGED)

    def withdraw(self, item_ids: Sequence[str]) -> None:
        """See `OnlineStore`."""
        self._change_withdrawn(Pipeline.sadd, item_ids)

    def restore(self, item_ids: Sequence[str]) -> None:
        """See `OnlineStore`."""
        self._change_withdrawn(Pipeline.srem, item_ids)

    def _change_withdrawn(self, change: Callable[..., object], item_ids: Sequence[str]) -> None:
        with self._redis() as redis, redis.pipeline() as pipeline:
            if item_ids:
                change(pipeline, scripts.WITHDRAWN, *item_ids)
            pipeline.incr(scripts.REVISION)
            pipeline.execute()

    def additions_version(self, release_id: str) -> int:
        """See `OnlineStore`."""
        with self._redis() as redis:
            return int(redis.hget(scripts.ADDITIONS, release_id) or 0)

    def added_items(self, release_id: str) -> list[AddedItem]:
        """See `OnlineStore`."""
        with self._redis() as redis:
            found = redis.hgetall(f"{scripts.ADDED}{release_id}")
        return [_item(str(text)) for _, text in sorted(found.items())]

    def add_items(self, release_id: str, items: Sequence[AddedItem]) -> None:
        """See `OnlineStore`."""
        with self._redis() as redis, redis.pipeline() as pipeline:
            if items:
                pipeline.hset(f"{scripts.ADDED}{release_id}", mapping={item.item_id: _item_text(item) for item in items})
            pipeline.hincrby(scripts.ADDITIONS, release_id, 1)
            pipeline.execute()

    def forget_additions(self, *, keep: Sequence[str]) -> None:
        """See `OnlineStore`."""
        with self._redis() as redis:
            for release_id in {str(name) for name in redis.hkeys(scripts.ADDITIONS)} - set(keep):
                with redis.pipeline() as pipeline:
                    pipeline.unlink(f"{scripts.ADDED}{release_id}")
                    pipeline.hdel(scripts.ADDITIONS, release_id)
                    pipeline.execute()


def _state(user_id: str, snapshot: str | None, posted: Sequence[str | None]) -> UserState:
    """What the script USERS answers of one user; events that ended meanwhile are None."""
    history, seen = json.loads(snapshot) if snapshot else (((), (), ()), ())
    told = json.loads(f"[{','.join(text for text in reversed(posted) if text)}]")
    events = [PostedEvent(user_id=user_id, **event) for event in told]
    return UserState.read(history, seen, events)


def _row(event: PostedEvent) -> str:
    return json.dumps({name: value for name, value in vars(event).items() if name != "user_id" and value is not None})


def _item_text(item: AddedItem) -> str:
    vectors = {name: base64.b64encode(getattr(item, name)).decode() for name in ("item_vector", "content_vector")}
    return json.dumps({"row": item.row, "popularity": item.popularity, **vectors})


def _item(text: str) -> AddedItem:
    told = json.loads(text)
    return AddedItem(told["row"], base64.b64decode(told["item_vector"]), base64.b64decode(told["content_vector"]), told["popularity"])


def _text(value: bytes | str | None) -> str | None:
    return None if value is None else str(value)


def _tombstones(text: object) -> Tombstones:
    return Tombstones.from_json(str(text)) if text else Tombstones()


def _forget(redis: Redis, keys: Iterable[str], *, upto: str) -> int:
    return sum(int(redis.eval(scripts.FORGET, 0, upto, *some)) for some in _batches(keys, KEYS_AT_ONCE))


def _fields(users: Iterable[tuple[str, str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Fields of a snapshot, for one command after the other."""
    some: list[tuple[str, str]] = []
    letters = 0
    for user_id, history, seen in users:
        some.append((user_id, f"[{history},{seen}]"))
        letters += len(some[-1][1])
        if len(some) == ROWS_AT_ONCE or letters >= TEXT_AT_ONCE:
            yield some
            some, letters = [], 0
    if some:
        yield some


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(values)
    while some := list(islice(waiting, size)):
        yield some

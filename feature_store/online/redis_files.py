"""The files that a Redis keeps of its data, written anew so that they hold nothing of what was removed."""

import time
from collections.abc import Callable
from functools import partial

from redis import Redis
from redis.exceptions import ResponseError

from feature_store.errors import OnlineStoreError

REWRITE_SECONDS = 600.0
LOOK_SECONDS = 0.05
_AT_WORK = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")

_BUSY = ("in progress", "child process is active")


def write_files_anew(redis: Redis, *, within_s: float = REWRITE_SECONDS) -> None:
    """Write the append-only file, where there is one, and the dump from what Redis holds now; each takes the place of the old one.

    Raises:
        OnlineStoreError: Redis could not, or has not within the time.
    """
    if redis.info("persistence")["aof_enabled"]:
        _run(redis, redis.bgrewriteaof, "BGREWRITEAOF", "aof_last_bgrewrite_status", within_s)
    _run(redis, partial(redis.bgsave, schedule=False), "BGSAVE", "rdb_last_bgsave_status", within_s)


def _run(redis: Redis, start: Callable[[], object], command: str, status: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while True:
        _wait(redis, command, deadline)  # what was begun before may hold what was removed since
        try:
            start()
            break
        except ResponseError as error:  # Redis began one by itself in between
            if not any(words in str(error) for words in _BUSY) or time.monotonic() > deadline:
                raise
    _wait(redis, command, deadline)
    told = redis.info("persistence")[status]
    if told != "ok":
        raise OnlineStoreError(
            f"Redis could not write its files anew: {command} ended with {told!r}, its log says why (until it can it may take no writes). "
            "Mend that, then run the same command again."
        )


def _wait(redis: Redis, command: str, deadline: float) -> None:
    while any(redis.info("persistence")[name] for name in _AT_WORK):
        if time.monotonic() > deadline:
            raise OnlineStoreError(f"Redis has not ended its {command} in time, so its files may hold what was removed. Try again later.")
        time.sleep(LOOK_SECONDS)

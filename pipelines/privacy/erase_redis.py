"""A user out of a Redis: the rows before anything else of the shop is touched, the files of Redis after all of it."""

import contextlib
from collections import Counter

from feature_store.errors import OnlineStoreError
from feature_store.online.opening import open_redis
from feature_store.online.redis_scripts import kind_of
from feature_store.tombstones import Tombstones
from pipelines.config import Config
from pipelines.online_store import store_password
from pipelines.privacy.sought import Sought


def rows_out_of_redis(config: Config, sought: Sought, tombstones: Tombstones) -> int:
    """Set the tombstones, so that nothing comes back, and remove all rows of the user; how many there were.

    Raises:
        OnlineStoreError: Redis does not answer, or refuses.
    """
    with contextlib.closing(open_redis(config.online_store.place, password=store_password())) as store:
        store.set_tombstones(tombstones)
        return store.remove(sought.names)


def files_of_redis_anew(config: Config, sought: Sought) -> tuple[int, tuple[str, ...]]:
    """Look at all that Redis holds a second time and have it write its files anew; how many values there are, and what holds the user.

    Keys are told by kind and number, for a key may name somebody else. A Redis that fails here is told among what holds the user, and what
    to do about it: the rest of the erasure stands.
    """
    looked, kinds, problem = 0, Counter[str](), []
    try:
        with contextlib.closing(open_redis(config.online_store.place, password=store_password())) as store:
            for key, text in store.contents():
                looked += 1
                if sought.in_text(text):
                    kinds[kind_of(key)] += 1
            store.write_files_anew()
    except OnlineStoreError as error:
        problem.append(f"its files, perhaps, for they were not written anew: {error}")
    return looked, (*(f"{kind} ({count:,})" for kind, count in sorted(kinds.items())), *problem)

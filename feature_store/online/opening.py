"""Open the online store that a place names: a file of SQLite, or a Redis."""

from pathlib import Path
from typing import TYPE_CHECKING

from feature_store.errors import OnlineStoreError
from feature_store.online.address import is_address, redis_address
from feature_store.online.protocol import OnlineStore
from feature_store.online.sqlite import SqliteStore

if TYPE_CHECKING:
    from feature_store.online.redis_store import RedisStore


def open_store(place: str | Path, *, password: str = "", posted_days: int = 0) -> OnlineStore:
    """Open a store; close it after use.

    Args:
        place: A file, made where it is not there, or the URL of a Redis.
        password: Of the Redis; empty: it asks for none.
        posted_days: Older posted events are neither taken in nor shown; 0: none is too old.

    Raises:
        OnlineStoreError: The file is no store, or the Redis cannot be reached.
    """
    if is_address(str(place)):
        return open_redis(str(place), password=password, posted_days=posted_days)
    return SqliteStore(Path(place), posted_days=posted_days)


def open_redis(url: str, *, password: str = "", posted_days: int = 0) -> "RedisStore":
    """The same where the place is a Redis.

    Raises:
        OnlineStoreError: The URL is none, the client is not installed, or the Redis cannot be reached.
    """
    address = redis_address(url)
    try:
        from feature_store.online.redis_store import RedisStore
    except ImportError as error:
        raise OnlineStoreError(
            f"the online store {address} needs the package redis, which cannot be imported ({error}): pip install 'vitrine[redis]'"
        ) from error
    return RedisStore(address, password=password, posted_days=posted_days)

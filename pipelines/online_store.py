"""The online store of a shop, as its config names it."""

import os

from feature_store.online.address import PASSWORD_VARIABLE
from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore
from pipelines.config import Config


def store_place(config: Config) -> str:
    """The URL of a Redis, or the file in the workspace."""
    return config.online_store.place if config.online_store.elsewhere else str(config.open_workspace().online_store)


def store_password() -> str:
    """Of a Redis; empty where it asks for none."""
    return os.environ.get(PASSWORD_VARIABLE, "")


def open_online_store(config: Config) -> OnlineStore:
    """Open it; close it after use.

    Raises:
        OnlineStoreError: The file is no store, or the Redis cannot be reached.
    """
    return open_store(store_place(config), password=store_password(), posted_days=config.online_store.posted_days)

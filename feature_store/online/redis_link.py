"""The connection to a Redis: how long it is waited for, and what is said when it does not answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from feature_store.errors import OnlineStoreError
from feature_store.online.address import PASSWORD_VARIABLE, RedisAddress

ANSWER_SECONDS = 2.0
"""Longest wait for a connection, and for each answer; a request to the API must not hang on a store that does."""
REST_SECONDS = 5.0
"""So long a Redis that has not answered is not asked again, so that not every request waits for one that hangs."""


class RedisLink:
    """Shared by all threads of a process; after a break the next call connects anew, after a wait in vain one REST_SECONDS later.

    Args:
        address: Of the Redis.
        password: Empty: none is asked for.
    """

    def __init__(self, address: RedisAddress, password: str) -> None:
        self.address = address
        self._rests_until = float("-inf")
        self._redis = Redis(
            host=address.host,
            port=address.port,
            db=address.database,
            username=address.user,
            password=password or None,
            ssl=address.tls,
            decode_responses=True,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1, (ConnectionError,)),  # once, for a connection that was broken while nobody used it
        )

    @contextmanager
    def __call__(self) -> Iterator[Redis]:
        """The client, for a few commands.

        Raises:
            OnlineStoreError: Redis does not answer, knows us not, or refuses a command.
        """
        if time.monotonic() < self._rests_until:
            raise OnlineStoreError(f"{self._hangs}. This was a moment ago, so it was not asked now.")
        try:
            yield self._redis
        except AuthenticationError as error:
            raise OnlineStoreError(
                f"the online store {self.address} lets nobody in like this ({error}). Put its password into the environment, as "
                f"{PASSWORD_VARIABLE}."
            ) from error
        except TimeoutError as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise OnlineStoreError(f"{self._hangs}.") from error
        except ConnectionError as error:
            raise OnlineStoreError(
                f"the online store {self.address} cannot be reached ({error}). Start Redis there, or mend the address; "
                "it is asked again whenever it is needed."
            ) from error
        except RedisError as error:
            raise OnlineStoreError(f"the online store {self.address} refuses ({error}). Mend what it says, then try again.") from error

    @property
    def _hangs(self) -> str:
        return (
            f"the online store {self.address} cannot be reached (no answer within {ANSWER_SECONDS:g} s). Look whether Redis hangs there; "
            f"it is asked again {REST_SECONDS:g} s later"
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._redis.close()

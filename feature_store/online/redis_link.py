"""The connection to a Redis: how long it is waited for, and what is said when it does not answer."""

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


class RedisLink:
    """Shared by all threads of a process; after a break the next call connects anew.

    Args:
        address: Of the Redis.
        password: Empty: none is asked for.
    """

    def __init__(self, address: RedisAddress, password: str) -> None:
        self.address = address
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
            retry=Retry(NoBackoff(), 1),  # once, for a connection that was broken while nobody used it
        )

    @contextmanager
    def __call__(self) -> Iterator[Redis]:
        """The client, for a few commands.

        Raises:
            OnlineStoreError: Redis does not answer, knows us not, or refuses a command.
        """
        try:
            yield self._redis
        except AuthenticationError as error:
            raise OnlineStoreError(
                f"the online store {self.address} lets nobody in like this ({error}). Put its password into the environment, as "
                f"{PASSWORD_VARIABLE}."
            ) from error
        except (ConnectionError, TimeoutError) as error:
            raise OnlineStoreError(
                f"the online store {self.address} cannot be reached ({error}). Start Redis there, or mend the address; "
                "it is asked again whenever it is needed."
            ) from error
        except RedisError as error:
            raise OnlineStoreError(f"the online store {self.address} refuses ({error}). Mend what it says, then try again.") from error

    def close(self) -> None:
        """Let go of all connections."""
        self._redis.close()

"""Where a Redis is, as one URL that holds no secret."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from feature_store.errors import OnlineStoreError

PASSWORD_VARIABLE = "VITRINE_REDIS_PASSWORD"
SCHEMES = ("redis", "rediss")
FORM = "redis://HOST:PORT/DATABASE (rediss:// with TLS, redis://USER@HOST where Redis knows users)"


@dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """One database of one Redis."""

    host: str
    port: int = 6379
    database: int = 0
    user: str | None = None
    tls: bool = False

    def __str__(self) -> str:
        """As `redis_address` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host  # IPv6
        return f"{'rediss' if self.tls else 'redis'}://{self.user + '@' if self.user else ''}{host}:{self.port}/{self.database}"


def is_address(place: str) -> bool:
    """Whether a place is meant to be a URL rather than a file."""
    return "://" in place


def redis_address(place: str) -> RedisAddress:
    """Read a URL.

    Raises:
        OnlineStoreError: It is none of a Redis, or holds a password; nothing of it is repeated, for anything in it may be a password.
    """
    scheme, _, rest = place.partition("://")
    user, _, server = rest.rpartition("@")
    if ":" in user:
        raise OnlineStoreError(
            f"the address of the online store holds a password, which others could read there. Write {FORM}, and put the password into "
            f"{PASSWORD_VARIABLE} of the environment."
        )
    try:
        url = urlsplit(f"//{server}")
        host, port, database = url.hostname, url.port or 6379, int(url.path.strip("/") or 0)
    except ValueError:
        host = None
    if scheme not in SCHEMES or host is None or database < 0 or url.query or url.fragment:
        raise OnlineStoreError(f"this is no address of an online store; write {FORM}, and a password into {PASSWORD_VARIABLE}")
    return RedisAddress(host=host, port=port, database=database, user=user or None, tls=scheme == "rediss")

"""Settings of the API: command line, or environment variables that start with VITRINE_."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One API process."""

    model_config = SettingsConfigDict(env_prefix="VITRINE_")

    releases: Path = Path("workspace/releases")
    """Folder of releases and of champion.json."""
    store: str | Path = "workspace/online/store.sqlite"
    """The online store: a file, made where it is not there, or a Redis, redis://HOST:PORT/DATABASE."""
    redis_password: SecretStr = SecretStr("")
    """Of that Redis; from VITRINE_REDIS_PASSWORD, never from a command line that others can see."""
    posted_days: int = Field(default=0, ge=0)
    """Posted events are neither taken in nor shown once they are so many days old; 0: none is too old."""
    images: Path | None = None
    """Root of the catalogue's image_uri paths, served below /images; none: no pictures."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    """A larger request is refused with 413."""
    show_users: bool = False
    """Whether `GET /v1/users` lists a few known user ids to whoever can reach the API: for trying out, never for production."""
    pseudonyms: bool = False
    """Whether users are named by a key, as [privacy] of the night's config says; asked for by the shop's own ids all the same."""
    user_key: SecretStr = SecretStr("")
    """The key, the night's own; from VITRINE_USER_KEY, never from a command line that others can see."""
    sample_requests: float = Field(default=0.0, ge=0, le=1)
    """Share of recommendations of which all that the ranker read is kept, for `vitrine parity`; 0: none."""
    served: Path = Path("workspace/served")
    """Folder of these samples."""
    watch_seconds: float = Field(default=1.0, ge=0)
    """Least time between two looks at champion.json and at the store's item changes."""

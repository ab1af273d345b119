"""What is kept of users, for how long, and under which names."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PrivacyConfig:
    """How ingestion treats users."""

    pseudonyms: bool = False
    """Users are renamed by a key, VITRINE_USER_KEY in the environment, before anything of them is kept; the API and the commands take the
    shop's own ids all the same. Another key, or switching this on or off, needs the log written anew: docs/operations.md."""
    keep_days: int = 0
    """Events older than so many days, counted back from the newest (or from now, if that is earlier), are dropped by each night that takes
    something in; 0: none."""

    def __post_init__(self) -> None:
        if self.keep_days < 0:
            raise ValueError(f"keep_days is {self.keep_days}; it is a number of days, or 0 to keep events for ever")

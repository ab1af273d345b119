"""What one question of the leak audit has shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether something saw what it must not see."""

    probe: str
    """Who was asked: a consumer, a stage or a table."""
    as_of: str
    """A cut by name, or `request`."""
    moment: datetime
    """Nothing that happened or became known at or after it may be seen."""
    leak: str = ""
    """What was seen; empty: nothing."""
    unasked: str = ""
    """Why the small copy of the shop could not be asked; empty: it was."""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.probe} saw what nobody could know at {self.as_of} ({self.moment:%Y-%m-%d %H:%M:%S} UTC): {self.leak}"

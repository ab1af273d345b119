"""What cannot have happened yet: events from a clock that runs ahead."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A moment that nothing which has come in can be after."""

    now: datetime
    """When the rows are read, UTC."""
    skew: timedelta
    """How far clocks may differ."""

    def expected(self) -> str:
        """What is taken, in words."""
        return f"no time more than {self.skew.total_seconds():g} s ahead"

    def reasons(self) -> list[pl.Expr]:
        """Why a row of the table `events` cannot be true; null where it can."""
        seconds = f"{self.skew.total_seconds():g} s"
        return [
            self.future("event_time"),
            self.future("known_at"),
            pl.when(pl.col("event_time") > pl.col("known_at") + self.skew).then(
                pl.lit(f"event_time: later than known_at by more than {seconds}, so a clock is wrong")
            ),
        ]

    def future(self, column: str) -> pl.Expr:
        """Why the time in this column cannot be true yet; null where it can."""
        told = f"{column}: in the future when it was read, by more than {self.skew.total_seconds():g} s"
        return pl.when(pl.col(column) > self.now + self.skew).then(pl.lit(told))

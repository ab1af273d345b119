"""What events say of the items they are on."""

from datetime import datetime

import polars as pl

UNIT = 2.0**-20
"""What stars and sentiments are summed in."""


def known_acts(events: pl.LazyFrame, *, before: datetime, more: pl.Expr | None = None) -> pl.LazyFrame:
    """A row for each event that had happened and was known before a moment: item_id, event_time, `day`, and what it says.

    `day` is the first start of a day on which the event is known. `shown`, `clicked`, `bought` and `reviewed` say what it is; `stars` is
    null where it is no rating.

    Args:
        events: Rows of the table `events`.
        before: No event at or after it is looked at.
        more: A further column.
    """
    kind = pl.col("event_type")
    rated = kind.is_in(("rating", "review")) & pl.col("value").is_not_null()
    known = events.filter(pl.col("event_time") < before, pl.col("known_at") < before)
    return known.select(
        "item_id",
        "event_time",
        known_day().alias("day"),
        *((kind == what).alias(name) for name, what in (("shown", "impression"), ("clicked", "click"))),
        *((kind == what).alias(name) for name, what in (("bought", "purchase"), ("reviewed", "review"))),
        pl.when(rated).then("value").alias("stars"),
        *([] if more is None else [more]),
    )


def known_day() -> pl.Expr:
    """The first start of a day strictly after a row had happened and was known."""
    return day_after(pl.max_horizontal("event_time", "known_at"))


def day_after(moment: pl.Expr) -> pl.Expr:
    """The first start of a day strictly after a moment."""
    return moment.dt.truncate("1d").dt.offset_by("1d")


def in_units(value: pl.Expr, unit: float = UNIT) -> pl.Expr:
    """A fraction as a whole number of small units: the sum of such does not depend on their order, as that of floats does."""
    return (value / unit).round().cast(pl.Int64)

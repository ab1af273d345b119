"""What was known of items at the start of each day, one row wherever something had changed and at the start of each month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from feature_store.features.decay import decayed, entering, units_of
from feature_store.features.item_acts import UNIT, day_after, in_units, known_acts, known_day
from feature_store.months import start_of_month, starts_of_months
from feature_store.schema import EVENTS, ITEM_FEATURES, UTC_TIME

WINDOW_DAYS = {"1d": 1, "7d": 7, "30d": 30, "365d": 365}
WINDOWS = (*WINDOW_DAYS, "all")
"""Windows of popularity: shops live by the first, slow catalogues by the last."""
RATE_DAYS = 30
"""Window of both rates."""
EVENT_BYTES, ROW_BYTES = 2000, 800
"""Working on an event takes about so much memory, for it changes counts on up to seven days; a row with which a month begins, so much."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Rows that no change of the log has touched, for computing to go on behind them."""

    rows: pl.LazyFrame
    """Of the table `item_features`: all before `until` of the month that the day before it lies in."""
    until: datetime
    """Start of the first day whose rows may be others now."""


def needed_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """What is read of the log, those on any items."""
    return events.select("item_id", "event_type", "value", "event_time", "known_at")


def changing_events(events: pl.LazyFrame, *, start: datetime, before: datetime) -> pl.LazyFrame:
    """Of `needed_events` those that change a count on a day from a start on: they become known then, or fall out of a window."""
    entered = pl.max_horizontal("event_time", "known_at") >= start - timedelta(days=1)
    left = [
        pl.col("event_time").is_between(start - timedelta(days=days + 1), before - timedelta(days=days), closed="left")
        for days in WINDOW_DAYS.values()
    ]
    return events.filter(pl.any_horizontal(entered, *left))


def named_alone(rows: pl.LazyFrame) -> pl.LazyFrame:
    """An event that never happened on each of the items, in the columns of `needed_events`: it counts nowhere and names its item."""
    nothing = [pl.lit(None, EVENTS.schema[name]).alias(name) for name in ("event_type", "value", "event_time", "known_at")]
    return rows.select("item_id").unique().select("item_id", *nothing)


def bytes_per_event(events: Sequence[pl.LazyFrame], *, since: datetime, before: datetime) -> int:
    """About how much memory working on one of them takes, with its share of the rows with which months begin.

    Args:
        events: As `item_features` reads them, in files.
        since: Rows begin with its month.
        before: No row lies at or after it.
    """
    counted = pl.concat(events).select(pl.len(), pl.col("item_id").approx_n_unique()).collect(engine="streaming")
    number, items = (int(count) for count in counted.row(0))
    return EVENT_BYTES + ROW_BYTES * len(starts_of_months(start_of_month(since), before)) * items // max(number, 1)


def item_features(
    events: pl.LazyFrame,
    *,
    wanted: pl.Expr,
    since: datetime,
    before: datetime,
    sentiment: pl.LazyFrame,
    standing: Standing | None = None,
) -> pl.DataFrame:
    """Rows of the table `item_features`, by item and day.

    A row holds from its `event_time`, the start of a day in UTC, and counts events that had happened and were known strictly before it, so
    nothing that becomes known on a day or later changes it.

    Args:
        events: Rows of the table `events`, all there are of some items; behind `standing`, `changing_events` of them do, and
            `named_alone` of its items.
        wanted: True for an event that says its user wanted the item.
        since: Moments from here on will be asked about: rows begin with its month.
        before: No event at or after it is looked at, and no row lies at or after it.
        sentiment: Rows of the table `review_sentiment`, read by a model that learned from nothing at or after `since`; only those on items
            of the events count.
        standing: What need not be counted again; None: all is counted from the first event on.

    Returns:
        All rows or, behind `standing`, those of the month of its `until` and later ones.
    """
    items = events.select("item_id").unique()
    sentiment = sentiment.join(items, on="item_id", how="semi")
    known = known_acts(events, before=before, more=wanted.fill_null(False).alias("wanted"))
    changes = pl.concat(
        [_enter(known), *(_leave(known, name, days) for name, days in WINDOW_DAYS.items()), _forget(known), _read(sentiment)],
        how="diagonal",
    )
    start = start_of_month(since) if standing is None else standing.until
    if standing is not None:
        first, last = items.select(pl.col("item_id").min().alias("first"), pl.col("item_id").max().alias("last")).collect().row(0)
        near = standing.rows.filter(pl.col("item_id").is_between(pl.lit(first), pl.lit(last)))  # files are sorted: little else is read
        stood = near.join(items, on="item_id", how="semi")
        changes = pl.concat([changes.filter(pl.col("day") >= standing.until), _carried_on(stood)], how="diagonal")
    months = pl.LazyFrame({"day": starts_of_months(start, before)}, schema={"day": UTC_TIME})
    rows = (
        pl.concat([changes, items.join(months, how="cross")], how="diagonal")
        .filter(pl.col("day") < before)
        .group_by("item_id", "day")
        .agg(*(pl.col(name).sum() for name in (*_TOTALS, "entering")), pl.col("first_event").min())
        .sort("item_id", "day")
        .with_columns(*(pl.col(name).cum_sum().over("item_id") for name in _TOTALS), pl.col("first_event").cum_min().over("item_id"))
        .with_columns(pl.col("first_event").forward_fill().over("item_id"))
        .collect()
    )
    rows = rows.with_columns(decayed(rows["item_id"], rows["day"], rows["entering"]).alias("wanted_decayed"))
    rows = _told(rows.filter(pl.col("day") >= start, pl.col("first_event").is_not_null()))
    if standing is None:
        return rows
    kept = stood.filter(pl.col("event_time") >= start_of_month(standing.until), pl.col("event_time") < before)
    return pl.concat([kept.collect(), rows]).sort("item_id", "event_time")


_COUNTS = (*(f"wanted_{name}" for name in WINDOWS), *(f"{act}_{name}" for name in ("30d", "all") for act in ("shown", "clicked", "bought")))
_SUMS = ("stars", "sentiment")
"""Of fractions, counted in `UNIT`."""
_TOTALS = (*_COUNTS, "ratings", "reviews", "reviews_read", *_SUMS)


def _enter(known: pl.LazyFrame) -> pl.LazyFrame:
    """What changes on the day from which an event is known; an event that is too old for a window by then never enters it."""
    fresh = {name: pl.col("day") - pl.col("event_time") <= timedelta(days=days) for name, days in WINDOW_DAYS.items()}
    recent = pl.col("day") - pl.col("event_time") <= timedelta(days=RATE_DAYS)
    return known.select(
        "item_id",
        "day",
        *((pl.col("wanted") & fresh[name]).cast(pl.Int64).alias(f"wanted_{name}") for name in WINDOW_DAYS),
        pl.col("wanted").cast(pl.Int64).alias("wanted_all"),
        *((pl.col(act) & recent).cast(pl.Int64).alias(f"{act}_30d") for act in ("shown", "clicked", "bought")),
        *(pl.col(act).cast(pl.Int64).alias(f"{act}_all") for act in ("shown", "clicked", "bought")),
        pl.when("wanted").then(entering(pl.col("event_time"), pl.col("day"))).otherwise(0).alias("entering"),
        pl.col("reviewed").cast(pl.Int64).alias("reviews"),
        in_units(pl.col("stars")).fill_null(0).alias("stars"),
        pl.col("stars").is_not_null().cast(pl.Int64).alias("ratings"),
        pl.col("event_time").alias("first_event"),
    )


def _leave(known: pl.LazyFrame, name: str, days: int) -> pl.LazyFrame:
    """The day on which a wanted event falls out of a window it was in."""
    entered = known.filter("wanted", pl.col("day") - pl.col("event_time") <= timedelta(days=days))
    return entered.select(
        "item_id", day_after(pl.col("event_time") + timedelta(days=days)).alias("day"), pl.lit(-1, pl.Int64).alias(f"wanted_{name}")
    )


def _forget(known: pl.LazyFrame) -> pl.LazyFrame:
    """The day on which an event falls out of the window of the rates."""
    rated = pl.col("shown") | pl.col("clicked") | pl.col("bought")
    entered = known.filter(rated, pl.col("day") - pl.col("event_time") <= timedelta(days=RATE_DAYS))
    return entered.select(
        "item_id",
        day_after(pl.col("event_time") + timedelta(days=RATE_DAYS)).alias("day"),
        *((-pl.col(act).cast(pl.Int64)).alias(f"{act}_30d") for act in ("shown", "clicked", "bought")),
    )


def _read(sentiment: pl.LazyFrame) -> pl.LazyFrame:
    """What changes on the day from which a review is known."""
    read = pl.lit(1, pl.Int64).alias("reviews_read")
    return sentiment.select("item_id", known_day().alias("day"), in_units(pl.col("sentiment")), read)


def _carried_on(stood: pl.LazyFrame) -> pl.LazyFrame:
    """The last row of each item as one change that comes to all it counts."""
    last = stood.group_by("item_id").agg(pl.all().sort_by("event_time").last())
    counts = [name for name in _TOTALS if name not in _SUMS]
    return last.select(
        "item_id",
        pl.col("event_time").alias("day"),
        *counts,
        *(in_units(pl.col(name)) for name in _SUMS),
        units_of(pl.col("wanted_decayed"), pl.col("event_time")).alias("entering"),
        "first_event",
    )


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        pl.col("day").alias("event_time"), pl.col("day").alias("known_at"), *(pl.col(name) * UNIT for name in _SUMS)
    ).select(ITEM_FEATURES.schema.names())

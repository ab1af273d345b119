"""What was known of items at the start of each day, one row wherever something had changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from feature_store.schema import ITEM_FEATURES

WINDOW_DAYS = {"1d": 1, "7d": 7, "30d": 30, "365d": 365}
WINDOWS = (*WINDOW_DAYS, "all")
"""Windows of popularity: shops live by the first, slow catalogues by the last."""
RATE_DAYS = 30
"""Window of the click rate."""
PRIOR_IMPRESSIONS = 20.0
"""Impressions at the mean rate that every item is given on top, so that one lucky click is no rate of 1."""
PRIOR_RATINGS = 5.0
ROW_BYTES = 1200
"""Working on an event takes about so much memory: it changes counts on up to seven days."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What items are like before anything is known of them."""

    click_rate: float
    """Of all items together, at most 1; 0 where none was shown."""
    stars: float
    """0 where nothing was rated."""


def needed_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """What is read of the log, those on any items."""
    return events.select("item_id", "event_type", "value", "event_time", "known_at")


def prior_means(files: Sequence[pl.LazyFrame], *, since: datetime, before: datetime) -> Means:
    """Of all items, from what was known before the first moment that will be asked about.

    Args:
        files: Rows of the table `events`, of which one file at a time is in memory.
        since: As in `item_features`.
        before: As in `item_features`.
    """
    parts = []
    for file in files:
        known = file.filter(pl.col("event_time") < before, pl.col("known_at") < before, _day_after(_visible()) <= since)
        stars = pl.when(_rated()).then("value").alias("stars")
        parts.append(known.group_by(stars).agg(_shown().sum().alias("shown"), _clicked().sum().alias("clicked"), pl.len()).collect())
    told = pl.concat(parts).group_by("stars").agg(pl.all().sum()).sort("stars")
    shown, clicked = int(told["shown"].sum()), int(told["clicked"].sum())
    rated = told.drop_nulls("stars")
    return Means(
        click_rate=min(clicked / shown, 1.0) if shown else 0.0,
        stars=float((rated["stars"] * rated["len"]).sum()) / int(rated["len"].sum()) if rated.height else 0.0,
    )


def item_features(events: pl.LazyFrame, *, wanted: pl.Expr, since: datetime, before: datetime, means: Means) -> pl.DataFrame:
    """Rows of the table `item_features`, by item and day.

    A row holds from its `event_time`, the start of a day in UTC, and counts events that had happened and were known strictly before it.

    Args:
        events: Rows of the table `events`, all there are of some items.
        wanted: True for an event that says its user wanted the item.
        since: Moments from here on will be asked about: of the rows before, the last of each item stays.
        before: No event at or after it is looked at, and no row lies at or after it.
        means: Of all items; see `prior_means`.
    """
    known = events.filter(pl.col("event_time") < before, pl.col("known_at") < before)
    known = known.select(
        "item_id",
        "event_time",
        _day_after(_visible()).alias("day"),
        wanted.fill_null(False).alias("wanted"),
        _shown().alias("shown"),
        _clicked().alias("clicked"),
        pl.when(_rated()).then("value").alias("stars"),
    )
    changes = [_enter(known), *(_leave(known, name, days) for name, days in WINDOW_DAYS.items()), _forget(known)]
    totals = [name for name in _CHANGES if name != "first_event"]
    rows = (
        pl.concat(changes, how="diagonal")
        .filter(pl.col("day") < before)
        .group_by("item_id", "day")
        .agg(*(pl.col(name).sum() for name in totals), pl.col("first_event").min())
        .sort("item_id", "day")
        .with_columns(*(pl.col(name).cum_sum().over("item_id") for name in totals), pl.col("first_event").cum_min().over("item_id"))
        .with_columns(pl.col("first_event").forward_fill().over("item_id"))
        .filter((pl.col("day") >= since) | (pl.col("day").shift(-1).over("item_id").fill_null(before) >= since))
        .collect()
    )
    return _with_rates(rows, means).select(ITEM_FEATURES.schema.names())


def _visible() -> pl.Expr:
    """When an event had happened and was known."""
    return pl.max_horizontal("event_time", "known_at")


def _shown() -> pl.Expr:
    return pl.col("event_type") == "impression"


def _clicked() -> pl.Expr:
    return pl.col("event_type") == "click"


def _rated() -> pl.Expr:
    return pl.col("event_type").is_in(("rating", "review")) & pl.col("value").is_not_null()


_COUNTS = tuple(f"wanted_{name}" for name in WINDOWS)
_CHANGES = (*_COUNTS, "_shown", "_clicked", "_stars", "_ratings", "first_event")


def _day_after(moment: pl.Expr) -> pl.Expr:
    """The first start of a day strictly after a moment."""
    return moment.dt.truncate("1d").dt.offset_by("1d")


def _enter(known: pl.LazyFrame) -> pl.LazyFrame:
    """What changes on the day from which an event is known; an event that is too old for a window by then never enters it."""
    fresh = {name: pl.col("day") - pl.col("event_time") <= timedelta(days=days) for name, days in WINDOW_DAYS.items()}
    recent = pl.col("day") - pl.col("event_time") <= timedelta(days=RATE_DAYS)
    return known.select(
        "item_id",
        "day",
        *((pl.col("wanted") & fresh[name]).cast(pl.Int64).alias(f"wanted_{name}") for name in WINDOW_DAYS),
        pl.col("wanted").cast(pl.Int64).alias("wanted_all"),
        (pl.col("shown") & recent).cast(pl.Int64).alias("_shown"),
        (pl.col("clicked") & recent).cast(pl.Int64).alias("_clicked"),
        pl.col("stars").fill_null(0).alias("_stars"),
        pl.col("stars").is_not_null().cast(pl.Int64).alias("_ratings"),
        pl.col("event_time").alias("first_event"),
    )


def _leave(known: pl.LazyFrame, name: str, days: int) -> pl.LazyFrame:
    """The day on which a wanted event falls out of a window it was in."""
    entered = known.filter("wanted", pl.col("day") - pl.col("event_time") <= timedelta(days=days))
    return entered.select(
        "item_id", _day_after(pl.col("event_time") + timedelta(days=days)).alias("day"), pl.lit(-1, pl.Int64).alias(f"wanted_{name}")
    )


def _forget(known: pl.LazyFrame) -> pl.LazyFrame:
    """The day on which an impression or a click falls out of the window of the click rate."""
    entered = known.filter(pl.col("shown") | pl.col("clicked"), pl.col("day") - pl.col("event_time") <= timedelta(days=RATE_DAYS))
    return entered.select(
        "item_id",
        _day_after(pl.col("event_time") + timedelta(days=RATE_DAYS)).alias("day"),
        (-pl.col("shown").cast(pl.Int64)).alias("_shown"),
        (-pl.col("clicked").cast(pl.Int64)).alias("_clicked"),
    )


def _with_rates(rows: pl.DataFrame, means: Means) -> pl.DataFrame:
    clicks = (pl.col("_clicked") + PRIOR_IMPRESSIONS * means.click_rate) / (pl.col("_shown") + PRIOR_IMPRESSIONS)
    rating = (pl.col("_stars") + PRIOR_RATINGS * means.stars) / (pl.col("_ratings") + PRIOR_RATINGS)
    return rows.with_columns(
        pl.col("day").alias("event_time"),
        pl.col("day").alias("known_at"),
        *(pl.col(name).cast(pl.Int64) for name in _COUNTS),
        pl.when(pl.col("_shown") > 0).then(clicks).cast(pl.Float64).alias("click_rate"),
        pl.when(pl.col("_ratings") > 0).then(rating).cast(pl.Float64).alias("mean_rating"),
    )

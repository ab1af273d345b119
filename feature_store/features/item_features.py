"""What was known of items at the start of each day, one row wherever something had changed."""

from datetime import datetime, timedelta

import polars as pl

from feature_store.features.item_acts import UNIT, day_after, in_units, known_acts, known_day
from feature_store.features.item_priors import PRIOR_RATINGS, ItemPriors
from feature_store.schema import ITEM_FEATURES

WINDOW_DAYS = {"1d": 1, "7d": 7, "30d": 30, "365d": 365}
WINDOWS = (*WINDOW_DAYS, "all")
"""Windows of popularity: shops live by the first, slow catalogues by the last."""
RATE_DAYS = 30
"""Window of both rates."""
HALF_LIFE_DAYS = 30
"""Of a wanted event in `wanted_decayed`."""
WANTED_UNIT = 2.0**-40
"""What decayed events are counted in."""
ROW_BYTES = 1200
"""Working on an event takes about so much memory: it changes counts on up to seven days."""


def needed_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """What is read of the log, those on any items."""
    return events.select("item_id", "event_type", "value", "event_time", "known_at")


def item_features(
    events: pl.LazyFrame, *, wanted: pl.Expr, since: datetime, before: datetime, priors: ItemPriors, sentiment: pl.LazyFrame
) -> pl.DataFrame:
    """Rows of the table `item_features`, by item and day.

    A row holds from its `event_time`, the start of a day in UTC, and counts events that had happened and were known strictly before it.

    Args:
        events: Rows of the table `events`, all there are of some items.
        wanted: True for an event that says its user wanted the item.
        since: Moments from here on will be asked about: of the rows before, the last of each item stays.
        before: No event at or after it is looked at, and no row lies at or after it.
        priors: Of all items; see `item_priors`.
        sentiment: Rows of the table `review_sentiment`, read by a model that learned from nothing at or after `since`; only those on items
            of the events count.
    """
    sentiment = sentiment.join(events.select("item_id").unique(), on="item_id", how="semi")
    known = known_acts(events, before=before, more=wanted.fill_null(False).alias("wanted"))
    changes = [_enter(known, before), *(_leave(known, name, days) for name, days in WINDOW_DAYS.items()), _forget(known), _read(sentiment)]
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
    return _with_rates(rows, priors, before).select(ITEM_FEATURES.schema.names())


_COUNTS = tuple(f"wanted_{name}" for name in WINDOWS)
_SUMS = ("_wanted", "_shown", "_clicked", "_bought", "_stars", "_ratings", "_reviews", "_sentiment", "_read")
_CHANGES = (*_COUNTS, *_SUMS, "first_event")


def _decay(moment: pl.Expr, before: datetime) -> pl.Expr:
    """What a wanted event of this moment would count at the end; seen from there all decay alike, so that sums of it only grow."""
    return 0.5 ** ((pl.lit(before) - moment).dt.total_microseconds() / (HALF_LIFE_DAYS * 86_400_000_000))


def _enter(known: pl.LazyFrame, before: datetime) -> pl.LazyFrame:
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
        (pl.col("bought") & recent).cast(pl.Int64).alias("_bought"),
        pl.when("wanted").then(in_units(_decay(pl.col("event_time"), before), WANTED_UNIT)).otherwise(0).alias("_wanted"),
        pl.col("reviewed").cast(pl.Int64).alias("_reviews"),
        in_units(pl.col("stars")).fill_null(0).alias("_stars"),
        pl.col("stars").is_not_null().cast(pl.Int64).alias("_ratings"),
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
        *((-pl.col(name).cast(pl.Int64)).alias(f"_{name}") for name in ("shown", "clicked", "bought")),
    )


def _read(sentiment: pl.LazyFrame) -> pl.LazyFrame:
    """What changes on the day from which a review is known."""
    read = pl.lit(1, pl.Int64).alias("_read")
    return sentiment.select("item_id", known_day().alias("day"), in_units(pl.col("sentiment")).alias("_sentiment"), read)


def _with_rates(rows: pl.DataFrame, priors: ItemPriors, before: datetime) -> pl.DataFrame:
    return rows.with_columns(
        pl.col("day").alias("event_time"),
        pl.col("day").alias("known_at"),
        *(pl.col(name).cast(pl.Int64) for name in _COUNTS),
        (pl.col("_wanted") * WANTED_UNIT / _decay(pl.col("day"), before)).fill_nan(0.0).alias("wanted_decayed"),
        _smoothed(pl.col("_clicked"), "_shown", priors.click_rate, priors.click_strength).alias("click_rate"),
        _smoothed(pl.col("_bought"), "_clicked", priors.conversion_rate, priors.conversion_strength).alias("conversion_rate"),
        _smoothed(pl.col("_stars") * UNIT, "_ratings", priors.rating, PRIOR_RATINGS).alias("mean_rating"),
        pl.when(priors.reviewed).then(pl.col("_reviews").cast(pl.Int64)).alias("review_count"),
        _smoothed(pl.col("_sentiment") * UNIT, "_read", priors.sentiment, PRIOR_RATINGS).alias("mean_sentiment"),
    )


def _smoothed(total: pl.Expr, count: str, mean: float | None, strength: float) -> pl.Expr:
    """A mean drawn to that of all items; null where nothing was counted, or nothing was known to draw it to."""
    if mean is None:
        return pl.lit(None, pl.Float64)
    drawn = (total + strength * mean) / (pl.col(count) + strength)
    return pl.when(pl.col(count) > 0).then(drawn).cast(pl.Float64)

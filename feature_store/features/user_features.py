"""What is known of every user at one moment: for people who look, for segments and slices."""

from datetime import datetime, timedelta

import polars as pl

from feature_store.features.sessions import begins_session
from feature_store.features.user_profile import active_hours, last_events, price_band, top_categories
from feature_store.schema import USER_FEATURES

ROW_BYTES = 300
"""Working on an event takes about so much memory."""


def needed_events(events: pl.LazyFrame) -> pl.LazyFrame:
    """What is read of the log, those of any users."""
    acts = events.filter(pl.col("event_type") != "impression")
    return acts.select("user_id", "item_id", "event_type", "value", "session_id", "event_time", "known_at")


def user_features(events: pl.LazyFrame, catalogue: pl.LazyFrame, *, wanted: pl.Expr, moment: datetime) -> pl.DataFrame:
    """Rows of the table `user_features`, one for each user with an event that is no impression, in ascending order of user_id.

    Args:
        events: Rows of the table `events`; only what had happened and was known strictly before the moment counts.
        catalogue: Rows of the table `catalogue`.
        wanted: True for an event that says its user wanted the item.
        moment: With time zone.
    """
    known = needed_events(events).filter(pl.col("event_time") < moment, pl.col("known_at") < moment)
    items = catalogue.select("item_id", "price", pl.col("category").list.first().alias("first_category"))
    rows = (
        known.select("user_id", "item_id", "event_type", "event_time", "session_id", wanted.fill_null(False).alias("wanted"))
        .sort("user_id", "event_time", maintain_order=True)
        .join(items, on="item_id", how="left", maintain_order="left")
    )
    since = {days: pl.col("event_time") >= moment - timedelta(days=days) for days in (7, 30)}
    activity = rows.group_by("user_id").agg(
        *(within.sum().cast(pl.Int64).alias(f"events_{days}d") for days, within in since.items()),
        pl.len().cast(pl.Int64).alias("events_all"),
        begins_session().sum().cast(pl.Int64).alias("sessions_all"),
        pl.col("wanted").sum().cast(pl.Int64).alias("wanted_all"),
        pl.col("event_time").max().alias("last_event"),
        pl.col("price").filter(pl.col("wanted")).mean().alias("mean_price"),
        *price_band(),
        active_hours(),
    )
    asked = pl.lit(moment).cast(pl.Datetime("us", "UTC"))
    joined = activity.join(top_categories(rows), on="user_id", how="left").join(last_events(rows), on="user_id", how="left")
    joined = joined.with_columns(pl.col("top_categories").fill_null([]), asked.alias("event_time"), asked.alias("known_at"))
    return joined.select(USER_FEATURES.schema.names()).sort("user_id").collect()

"""What is known of every user at one moment: for people who look, for segments and slices."""

from datetime import datetime, timedelta

import polars as pl

from feature_store.features.sessions import begins_session
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
        known.select("user_id", "item_id", "event_time", "session_id", wanted.fill_null(False).alias("wanted"))
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
    )
    counted = rows.filter("wanted", pl.col("first_category").is_not_null()).group_by("user_id", "first_category").len()
    top = (
        counted.with_columns((pl.col("len") / pl.col("len").sum().over("user_id")).alias("top_category_share"))
        .sort("user_id", "top_category_share", "first_category", descending=[False, True, False])
        .unique("user_id", keep="first", maintain_order=True)
        .select("user_id", pl.col("first_category").alias("top_category"), "top_category_share")
    )
    asked = pl.lit(moment).cast(pl.Datetime("us", "UTC"))
    joined = activity.join(top, on="user_id", how="left").with_columns(asked.alias("event_time"), asked.alias("known_at"))
    return joined.select(USER_FEATURES.schema.names()).sort("user_id").collect()

"""What a person can read of a user: categories, prices, hours and the newest events."""

import polars as pl

MOST_CATEGORIES = 3
LAST_PER_TYPE = 5
"""Newest events of each type that are kept."""
HOURS = 24


def top_categories(rows: pl.LazyFrame) -> pl.LazyFrame:
    """user_id and top_categories: the MOST_CATEGORIES most often wanted and their shares, the first in the alphabet first where equal.

    Args:
        rows: Events with user_id, whether `wanted`, and `first_category` of the item or null.
    """
    counted = rows.filter("wanted", pl.col("first_category").is_not_null()).group_by("user_id", "first_category").len()
    shares = counted.with_columns((pl.col("len") / pl.col("len").sum().over("user_id")).alias("share"))
    ordered = shares.sort("user_id", "share", "first_category", descending=[False, True, False])
    share = pl.struct(pl.col("first_category").alias("category"), "share")
    return ordered.group_by("user_id", maintain_order=True).agg(share.head(MOST_CATEGORIES).alias("top_categories"))


def price_band() -> list[pl.Expr]:
    """low_price, median_price and high_price, the quartiles of what one user wanted; of rows with `wanted` and `price`."""
    paid = pl.col("price").filter(pl.col("wanted"))
    quartiles = {"low_price": 0.25, "median_price": 0.5, "high_price": 0.75}
    return [paid.quantile(share, interpolation="linear").alias(name) for name, share in quartiles.items()]


def active_hours() -> pl.Expr:
    """One user's events in each hour of the day, UTC."""
    hour = pl.col("event_time").dt.hour()
    return pl.concat_list((hour == number).sum().cast(pl.Int64) for number in range(HOURS)).alias("active_hours")


def last_events(rows: pl.LazyFrame) -> pl.LazyFrame:
    """user_id, last_types, last_item_ids and last_times: the newest LAST_PER_TYPE events of each type, newest first.

    Args:
        rows: Events in order of user and event_time.
    """
    newest = rows.reverse().group_by("user_id", "event_type", maintain_order=True).head(LAST_PER_TYPE)
    ordered = newest.sort("user_id", "event_time", descending=[False, True], maintain_order=True)
    return ordered.group_by("user_id", maintain_order=True).agg(
        pl.col("event_type").alias("last_types"), pl.col("item_id").alias("last_item_ids"), pl.col("event_time").alias("last_times")
    )

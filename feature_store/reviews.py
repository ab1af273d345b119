"""Reviews that say something in words, as the event log has them."""

from datetime import datetime

import polars as pl

MOST_STARS = 5


def worded_reviews(events: pl.LazyFrame, *, before: datetime) -> pl.LazyFrame:
    """One row per review with words that had happened, and was known, strictly before a moment.

    Args:
        events: Rows of the table `events`.
        before: With time zone.

    Returns:
        event_id, user_id, item_id, event_time, known_at, text, and stars: Int8 from 1 to MOST_STARS, rounded; null where none were given.
    """
    worded = pl.col("text").str.strip_chars() != ""
    stars = pl.col("value").round().clip(1, MOST_STARS).cast(pl.Int8).alias("stars")
    known = events.filter(pl.col("event_type") == "review", worded, pl.col("event_time") < before, pl.col("known_at") < before)
    return known.select("event_id", "user_id", "item_id", "event_time", "known_at", "text", stars)


def starred_sample(reviews: pl.LazyFrame, *, most: int) -> pl.DataFrame:
    """Reviews with stars, in order of event_id; of more than `most` those whose ids have the least hashes, so late ones change few.

    Args:
        reviews: As `worded_reviews` gives them.
        most: Rows; texts of no others are ever held.
    """
    starred = reviews.filter(pl.col("stars").is_not_null())
    order = pl.col("event_id").hash(seed=0).alias("order")
    chosen = starred.select("event_id", order).bottom_k(most, by=["order", "event_id"]).select("event_id")
    return starred.join(chosen, on="event_id", how="semi").sort("event_id").collect()

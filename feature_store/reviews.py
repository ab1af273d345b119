"""Reviews that say something in words, as the event log has them."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

MOST_STARS = 5


def worded_reviews(events: pl.LazyFrame, *, before: datetime) -> pl.LazyFrame:
    """One row per review with words that had happened, and was known, strictly before a moment.

    Args:
        events: Rows of the table `events`.
        before: With time zone.

    Returns:
        event_id, user_id, item_id, event_time, known_at, text, and stars: Int8 from 1 to MOST_STARS, rounded; null where none were given,
        or more than there are: a scale of ten says something else.
    """
    worded = pl.col("text").str.strip_chars() != ""
    stars = pl.when(pl.col("value") <= MOST_STARS).then(pl.col("value").round().clip(1, MOST_STARS)).cast(pl.Int8).alias("stars")
    known = events.filter(pl.col("event_type") == "review", worded, pl.col("event_time") < before, pl.col("known_at") < before)
    return known.select("event_id", "user_id", "item_id", "event_time", "known_at", "text", stars)


def starred_ids(reviews: pl.LazyFrame, *, most: int) -> pl.DataFrame:
    """event_id of reviews with stars, in order; of more than `most` those whose ids have the least hashes, so late ones change few.

    Args:
        reviews: As `worded_reviews` gives them.
        most: Rows.
    """
    order = pl.col("event_id").hash(seed=0).alias("order")
    starred = reviews.filter(pl.col("stars").is_not_null()).select("event_id", order)
    return starred.bottom_k(most, by=["order", "event_id"]).select("event_id").sort("event_id").collect()


def with_words(files: Sequence[pl.LazyFrame], ids: pl.DataFrame) -> pl.DataFrame:
    """The reviews of these event_ids, in order of event_id.

    Args:
        files: Reviews as `worded_reviews` gives them, of which one file at a time is in memory.
        ids: Column event_id.
    """
    return pl.concat([file.join(ids.lazy(), on="event_id", how="semi").collect() for file in files]).sort("event_id")

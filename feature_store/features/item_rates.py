"""Rates and means of items, out of the counts of `item_features`: what they are drawn to moves with the cut, the counts do not."""

from datetime import datetime

import polars as pl

from feature_store.features.item_features import WINDOWS
from feature_store.features.item_priors import PRIOR_RATINGS, ItemPriors, item_priors

COUNTED = ("item_id", "event_time", "known_at", *(f"wanted_{name}" for name in WINDOWS), "wanted_decayed")
"""Columns that stay as they are, and `first_event`."""


def with_rates(rows: pl.DataFrame, *, since: datetime) -> pl.DataFrame:
    """The same rows told in rates and means, each drawn to that of all items.

    Args:
        rows: All of the table `item_features`.
        since: The first moment that will be asked about, t_r: what is drawn to was known before it; see `item_priors`.

    Returns:
        COUNTED, and click_rate: clicks per impression in 30 days, null: not shown in them; conversion_rate: purchases per click, null: not
        clicked, or the shop knew no click before `since`; mean_rating of the stars, null: not rated; review_count, null: the shop knew no
        review before `since`; mean_sentiment of its reviews, null: none was read, or none of the shop's before `since`; first_event.
    """
    priors = item_priors(rows, since=since)
    return rows.select(*COUNTED, *_rates(priors), "first_event")


def _rates(priors: ItemPriors) -> list[pl.Expr]:
    return [
        _smoothed("clicked_30d", "shown_30d", priors.click_rate, priors.click_strength).alias("click_rate"),
        _smoothed("bought_30d", "clicked_30d", priors.conversion_rate, priors.conversion_strength).alias("conversion_rate"),
        _smoothed("stars", "ratings", priors.rating, PRIOR_RATINGS).alias("mean_rating"),
        pl.when(priors.reviewed).then("reviews").alias("review_count"),
        _smoothed("sentiment", "reviews_read", priors.sentiment, PRIOR_RATINGS).alias("mean_sentiment"),
    ]


def _smoothed(total: str, count: str, mean: float | None, strength: float) -> pl.Expr:
    """A mean drawn to that of all items; null where nothing was counted, or nothing was known to draw it to."""
    if mean is None:
        return pl.lit(None, pl.Float64)
    drawn = (pl.col(total) + strength * mean) / (pl.col(count) + strength)
    return pl.when(pl.col(count) > 0).then(drawn).cast(pl.Float64)

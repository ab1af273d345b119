"""What all items together say of one of which little is known."""

from dataclasses import dataclass

import polars as pl

from feature_store.features.shrinkage import prior_strength

PRIOR_IMPRESSIONS, PRIOR_CLICKS = 20.0, 20.0
"""Strength of the priors of both rates where the log is too thin to say."""
PRIOR_RATINGS = 5.0
"""Ratings at the mean of all, and reviews at their mean sentiment, that every item is given on top."""


@dataclass(frozen=True, kw_only=True)
class ItemPriors:
    """Means over all items, and how many trials at the mean each item is given on top; None where there was nothing to take a mean of."""

    click_rate: float
    """Clicks per impression; 0 without an impression."""
    click_strength: float
    conversion_rate: float | None
    """Purchases per click."""
    conversion_strength: float
    rating: float
    """Stars; 0 without any."""
    sentiment: float | None
    reviewed: bool
    """Whether there was any review."""


def item_priors(known: pl.LazyFrame, sentiment: pl.LazyFrame) -> ItemPriors:
    """Priors from all that was known before the first moment that will be asked about, so that no moment sees what came after it.

    Args:
        known: One row per event: item_id, whether it `shown`, `clicked`, `bought` or `reviewed` the item, and its `stars` or null.
        sentiment: Rows of the table `review_sentiment`.
    """
    told = [pl.col(name).sum().cast(pl.Int64) for name in ("shown", "clicked", "bought", "reviewed")]
    stars = (pl.col("stars").sum().alias("stars"), pl.col("stars").count().alias("ratings"))
    items = known.group_by("item_id").agg(*told, *stars).sort("item_id").collect()
    total = items.drop("item_id").sum().row(0, named=True)
    mean_sentiment = sentiment.select(pl.col("sentiment").mean()).collect().item()
    return ItemPriors(
        click_rate=min(total["clicked"] / total["shown"], 1.0) if total["shown"] else 0.0,
        click_strength=prior_strength(items["clicked"], items["shown"], otherwise=PRIOR_IMPRESSIONS),
        conversion_rate=min(total["bought"] / total["clicked"], 1.0) if total["clicked"] else None,
        conversion_strength=prior_strength(items["bought"], items["clicked"], otherwise=PRIOR_CLICKS),
        rating=total["stars"] / total["ratings"] if total["ratings"] else 0.0,
        sentiment=None if mean_sentiment is None else float(mean_sentiment),
        reviewed=bool(total["reviewed"]),
    )

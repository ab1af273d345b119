"""What all items together say of one of which little is known."""

from dataclasses import dataclass
from datetime import datetime

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


def item_priors(rows: pl.DataFrame, *, since: datetime) -> ItemPriors:
    """Priors from all that was known before the first moment that will be asked about, so that no moment sees what came after it.

    Args:
        rows: Of the table `item_features`, by item and day.
        since: That first moment.
    """
    known = rows.filter(pl.col("event_time") <= since).unique("item_id", keep="last", maintain_order=True)
    known = known.sort("item_id")  # sums of floats are the same in the same order alone
    sums = ("shown_all", "clicked_all", "bought_all", "stars", "ratings", "reviews", "sentiment", "reviews_read")
    total = known.select(pl.col(sums).sum()).row(0, named=True)
    return ItemPriors(
        click_rate=min(total["clicked_all"] / total["shown_all"], 1.0) if total["shown_all"] else 0.0,
        click_strength=prior_strength(known["clicked_all"], known["shown_all"], otherwise=PRIOR_IMPRESSIONS),
        conversion_rate=min(total["bought_all"] / total["clicked_all"], 1.0) if total["clicked_all"] else None,
        conversion_strength=prior_strength(known["bought_all"], known["clicked_all"], otherwise=PRIOR_CLICKS),
        rating=total["stars"] / total["ratings"] if total["ratings"] else 0.0,
        sentiment=total["sentiment"] / total["reviews_read"] if total["reviews_read"] else None,
        reviewed=bool(total["reviews"]),
    )

"""What all items together say of one of which little is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from feature_store.features.item_acts import UNIT, in_units, known_acts, known_day
from feature_store.features.shrinkage import prior_strength

PRIOR_IMPRESSIONS, PRIOR_CLICKS = 20.0, 20.0
"""Strength of the priors of both rates where the log is too thin to say."""
PRIOR_RATINGS = 5.0
"""Ratings at the mean of all, and reviews at their mean sentiment, that every item is given on top."""
HELD_ROWS = 2_000_000
"""Sums of so many items are held, some 70 bytes each, before those of one item are added up."""


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


def item_priors(files: Sequence[pl.LazyFrame], sentiment: pl.LazyFrame, *, since: datetime, before: datetime) -> ItemPriors:
    """Priors from all that was known before the first moment that will be asked about, so that no moment sees what came after it.

    Args:
        files: Rows of the table `events`, of which one file at a time is in memory.
        sentiment: Rows of the table `review_sentiment`.
        since: That first moment.
        before: No event at or after it is looked at.
    """
    sums = [pl.col(name).sum().cast(pl.Int64) for name in ("shown", "clicked", "bought", "reviewed")]
    stars = (in_units(pl.col("stars")).sum().alias("stars"), pl.col("stars").count().cast(pl.Int64).alias("ratings"))
    known = (known_acts(file, before=before).filter(pl.col("day") <= since) for file in files)
    items = _summed(acts.group_by("item_id").agg(*sums, *stars).collect() for acts in known).sort("item_id")
    total = items.drop("item_id").sum().row(0, named=True)
    said = sentiment.filter(known_day() <= since).select(in_units(pl.col("sentiment")).sum(), pl.len()).collect().row(0)
    return ItemPriors(
        click_rate=min(total["clicked"] / total["shown"], 1.0) if total["shown"] else 0.0,
        click_strength=prior_strength(items["clicked"], items["shown"], otherwise=PRIOR_IMPRESSIONS),
        conversion_rate=min(total["bought"] / total["clicked"], 1.0) if total["clicked"] else None,
        conversion_strength=prior_strength(items["bought"], items["clicked"], otherwise=PRIOR_CLICKS),
        rating=total["stars"] * UNIT / total["ratings"] if total["ratings"] else 0.0,
        sentiment=said[0] * UNIT / said[1] if said[1] else None,
        reviewed=bool(total["reviewed"]),
    )


def _summed(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One row per item; whole numbers, so that it does not matter which are added first."""
    held: list[pl.DataFrame] = []
    for part in parts:
        held.append(part)
        if sum(rows.height for rows in held) > HELD_ROWS:
            held = [pl.concat(held).group_by("item_id").agg(pl.all().sum())]
    return pl.concat(held).group_by("item_id").agg(pl.all().sum())

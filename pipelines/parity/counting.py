"""What raw events say of an item, counted one by one; shares no code with what makes the table `item_features`."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DAY = 86_400_000_000
"""Microseconds."""
WINDOWS: Mapping[str, float] = {"1d": 1, "7d": 7, "30d": 30, "365d": 365, "all": math.inf}
"""Days."""
RATE_DAYS = 30
"""Window of both rates."""
HALF_LIFE_DAYS = 30
"""Of a wanted event in `wanted_decayed`."""
THIN_LOG = 20.0
"""Trials at the mean rate that every item is given on top where the log is too thin to say how many."""
PRIOR_RATINGS = 5.0
"""Ratings at the mean of all, and reviews at their mean sentiment, that every item is given on top."""


@dataclass(kw_only=True)
class Acts:
    """What had happened to one item, and was known, before a start of a day."""

    first: int | None = None
    """Time of the first event of any type."""
    wanted: "array[int]" = field(default_factory=lambda: array("q"))
    """Times of the events that said that it was wanted."""
    shown: int = 0
    """Impressions, clicks and purchases of the last RATE_DAYS."""
    clicked: int = 0
    bought: int = 0
    stars: float = 0.0
    """Sum over all ratings."""
    ratings: int = 0
    reviews: int = 0
    """With words or without."""
    sentiment: float = 0.0
    """Sum over all reviews with words."""
    read: int = 0

    def add(self, event_type: str, value: float | None, time: int, *, wanted: bool, midnight: int) -> None:
        """Count one more event; `midnight` is that start of a day."""
        recent = midnight - time <= RATE_DAYS * DAY
        self.shown += recent and event_type == "impression"
        self.clicked += recent and event_type == "click"
        self.bought += recent and event_type == "purchase"
        self.reviews += event_type == "review"
        if event_type in ("rating", "review") and value is not None:
            self.stars += value
            self.ratings += 1
        if wanted:
            self.wanted.append(time)


@dataclass(frozen=True)
class Prior:
    """What all items together say of one: a mean, and how many trials at it the item is given on top."""

    mean: float
    trials: float


@dataclass(frozen=True, kw_only=True)
class Priors:
    """One for each mean and rate; None where there was nothing to take a mean of."""

    click: Prior
    conversion: Prior | None
    rating: Prior
    sentiment: Prior | None


def last_midnight(moment: int) -> int:
    """The last start of a day, in UTC, strictly before a moment."""
    return (moment - 1) // DAY * DAY


def features_of(acts: Acts, priors: Priors, *, midnight: int, moment: int) -> dict[str, float | None]:
    """Columns of `item_features` by name; None where nothing was counted that could say.

    Args:
        acts: Of before `midnight`.
        priors: Of all items.
        midnight: The last start of a day before the moment.
        moment: Up to which what was wanted decays.
    """
    within = {f"wanted_{name}": float(sum(midnight - time <= days * DAY for time in acts.wanted)) for name, days in WINDOWS.items()}
    return {
        **within,
        "wanted_decayed": math.fsum(0.5 ** ((moment - time) / DAY / HALF_LIFE_DAYS) for time in acts.wanted),
        "click_rate": _drawn(acts.clicked, acts.shown, priors.click),
        "conversion_rate": _drawn(acts.bought, acts.clicked, priors.conversion),
        "mean_rating": _drawn(acts.stars, acts.ratings, priors.rating),
        "review_count": float(acts.reviews),
        "mean_sentiment": _drawn(acts.sentiment, acts.read, priors.sentiment),
    }


def strength_of_rate(successes: Sequence[int], trials: Sequence[int]) -> float:
    """a + b of the beta distribution that the rates of items are drawn from, from 1 to 10,000; THIN_LOG where nothing tells.

    By moments: with p the mean rate and n trials of an item, the sum of n (x/n - p)^2 is expected to be
    p (1 - p) [(items - 1) + rho (sum n - sum n^2 / sum n - (items - 1))], where rho = 1 / (a + b + 1).

    Args:
        successes: Of each item; more than its trials count as all of them.
        trials: Of each item.
    """
    tried = [(min(x, n), n) for x, n in zip(successes, trials, strict=True) if n > 0]
    total, free = sum(n for _, n in tried), len(tried) - 1
    if free < 1:
        return THIN_LOG
    p = sum(x for x, _ in tried) / total
    by_chance = p * (1 - p)
    room = total - sum(n * n for _, n in tried) / total - free
    if by_chance <= 0 or room <= 0:
        return THIN_LOG
    rho = (math.fsum(n * (x / n - p) ** 2 for x, n in tried) / by_chance - free) / room
    return 10_000.0 if rho <= 0 else min(max(1 / rho - 1, 1.0), 10_000.0)


def _drawn(total: float, count: int, prior: Prior | None) -> float | None:
    """A mean, drawn to that of all items."""
    return (total + prior.trials * prior.mean) / (count + prior.trials) if count and prior is not None else None

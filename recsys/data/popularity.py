"""How often items are wanted, as known at a moment."""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions, microseconds
from recsys.data.items import Items
from recsys.data.offers import days_on_offer, offered_from

SMOOTHING_SHARE = 0.05
"""Share of the days of the log by which a young item's rate is drawn to the mean rate."""
LEAST_EVENTS = 1e-3
"""Added to an item's events, so that the log of its rate is finite where it has none."""
SHORTEST_SPAN_DAYS = 1.0
"""A log that spans less counts as this long: a rate needs days to divide by."""


def expected_popularity(past: Interactions, items: Items, *, now: datetime, half_life_days: float) -> npt.NDArray[np.float64]:
    """(items,): distinct users who wanted each item, fading with age, as if every item had been on offer as long as the log lasts.

    An item that came yesterday has had no time to be wanted; its rate per day, drawn to the mean rate, stands for the rest. One that
    came and that nobody has met is expected to do like the mean.

    Args:
        past: Known before `now`.
        items: Say since when they are on offer.
        now: The moment that is asked about.
        half_life_days: Age at which a user counts half; greater than 0.
    """
    fading = _Fading(past, items, now=now, half_life_days=half_life_days)
    return rate_on_offer(fading.counts, fading.days, smoothing_days=fading.smoothing_days) * fading.whole_days


def expected_of_new_item(past: Interactions, items: Items, *, now: datetime, half_life_days: float, dated: bool) -> float:
    """What `expected_popularity` says of an item that nobody has met and that need not be among these.

    Args:
        past: As for `expected_popularity`, like `items`, `now` and `half_life_days`.
        dated: Whether the catalogue says since when the item may be shown; without it the item may have been turned down all the time.
    """
    fading = _Fading(past, items, now=now, half_life_days=half_life_days)
    on_offer = 0.0 if dated else fading.whole_days
    share = fading.smoothing_days / (on_offer + fading.smoothing_days)
    return float(_mean_rate(fading.counts, fading.days) * share * fading.whole_days)


def rate_on_offer(counts: npt.NDArray[np.float64], days: npt.NDArray[np.float64], *, smoothing_days: float) -> npt.NDArray[np.float64]:
    """(items,): events per day on offer.

    Args:
        counts: Events of each item.
        days: How long each item was on offer, at least 0.
        smoothing_days: Every item counts as if it had also been on offer for so long at the mean rate; greater than 0.
    """
    rate: npt.NDArray[np.float64] = (counts + _mean_rate(counts, days) * smoothing_days) / (days + smoothing_days)
    return rate


def log_rate_on_offer(answers: Interactions, offered: npt.NDArray[np.int64], *, start: int, end: int) -> npt.NDArray[np.float32]:
    """(items,): log of how many users answered with an item per day on offer; 0 is the mean rate.

    Args:
        answers: The events that count; a user counts once per item.
        offered: Since when each item has been on offer; see `offered_from`.
        start: Of the log, microseconds since 1970 UTC.
        end: Of the log, the same.
    """
    span = max((end - start) / MICROSECONDS_PER_DAY, SHORTEST_SPAN_DAYS)
    counts = np.bincount(answers.distinct().item_index, minlength=answers.num_items).astype(np.float64) + LEAST_EVENTS
    rate = rate_on_offer(counts, days_on_offer(offered, now=end, most=span), smoothing_days=SMOOTHING_SHARE * span)
    log_rate: npt.NDArray[np.float32] = np.log(rate / rate.mean()).astype(np.float32)
    return log_rate


class _Fading:
    """Users who wanted items, and days on offer, both counted less the older they are.

    Args:
        past: As for `expected_popularity`, like `items`, `now` and `half_life_days`.
    """

    def __init__(self, past: Interactions, items: Items, *, now: datetime, half_life_days: float) -> None:
        end, wanted = microseconds(now), past.keep(past.relevant).distinct()
        first = past.event_time.min(initial=end)
        span = max((end - int(first)) / MICROSECONDS_PER_DAY, SHORTEST_SPAN_DAYS)
        worth = 0.5 ** ((end - wanted.event_time) / MICROSECONDS_PER_DAY / half_life_days)
        self.counts = np.bincount(wanted.item_index, weights=worth, minlength=past.num_items).astype(np.float64)
        """(items,): users who wanted each."""
        self.days = _faded_days(days_on_offer(offered_from(items, past), now=end, most=span), half_life_days)
        """(items,): days on offer."""
        self.whole_days = float(_faded_days(np.array(span), half_life_days))
        """Days of the whole log."""
        self.smoothing_days = SMOOTHING_SHARE * self.whole_days


def _faded_days(days: npt.NDArray[np.float64], half_life_days: float) -> npt.NDArray[np.float64]:
    """What the newest so many days count together, each half of one that is a half-life newer."""
    faded: npt.NDArray[np.float64] = half_life_days / np.log(2) * (1 - 0.5 ** (days / half_life_days))
    return faded


def _mean_rate(counts: npt.NDArray[np.float64], days: npt.NDArray[np.float64]) -> float:
    return float(counts.sum() / max(days.sum(), 1e-9))

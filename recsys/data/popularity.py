"""How often items are wanted, as known at a moment."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions, microseconds
from recsys.data.items import Items
from recsys.data.offers import days_on_offer, offered_from

SMOOTHING_SHARE = 0.05
"""Share of the window by which a young item's rate is drawn to the mean rate."""


def recent_popularity(past: Interactions, *, now: datetime, window_days: float) -> npt.NDArray[np.float64]:
    """(items,): distinct users who wanted each item in the last days before `now`."""
    recent = past.keep(past.relevant).between(now - timedelta(days=window_days), now).matrix()
    counts = np.bincount(recent.indices, minlength=past.num_items)
    return counts.astype(np.float64)


def expected_popularity(past: Interactions, items: Items, *, now: datetime, window_days: float) -> npt.NDArray[np.float64]:
    """(items,): what `recent_popularity` would be, had every item been on offer for the whole window.

    An item that came yesterday has had no time to be wanted; its rate per day, drawn to the mean rate, stands for the rest. One that
    came and that nobody has met is expected to do like the mean.
    """
    counts = recent_popularity(past, now=now, window_days=window_days)
    days = days_on_offer(offered_from(items, past), now=microseconds(now), most=window_days)
    return rate_on_offer(counts, days, smoothing_days=SMOOTHING_SHARE * window_days) * window_days


def rate_on_offer(counts: npt.NDArray[np.float64], days: npt.NDArray[np.float64], *, smoothing_days: float) -> npt.NDArray[np.float64]:
    """(items,): events per day on offer.

    Args:
        counts: Events of each item.
        days: How long each item was on offer, at least 0.
        smoothing_days: Every item counts as if it had also been on offer for so long at the mean rate; greater than 0.
    """
    mean = counts.sum() / max(days.sum(), 1e-9)
    rate: npt.NDArray[np.float64] = (counts + mean * smoothing_days) / (days + smoothing_days)
    return rate

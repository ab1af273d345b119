"""How often items are wanted, as known at a moment."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions, microseconds
from recsys.data.items import ALWAYS, Items

SMOOTHING_SHARE = 0.05
"""Share of the window by which a young item's rate is drawn to the mean rate."""


def recent_popularity(past: Interactions, *, now: datetime, window_days: float) -> npt.NDArray[np.float64]:
    """(items,): distinct users who wanted each item in the last days before `now`."""
    recent = past.keep(past.relevant).between(now - timedelta(days=window_days), now).matrix()
    counts = np.bincount(recent.indices, minlength=past.num_items)
    return counts.astype(np.float64)


def expected_popularity(past: Interactions, items: Items, *, now: datetime, window_days: float) -> npt.NDArray[np.float64]:
    """(items,): what `recent_popularity` would be, had every item been on sale for the whole window.

    An item that came yesterday has had no time to be wanted; its rate per day, drawn to the mean rate, stands for the rest.
    """
    counts = recent_popularity(past, now=now, window_days=window_days)
    born = np.where(items.available_from == ALWAYS, 0, items.available_from)
    on_sale = np.clip((microseconds(now) - born) / MICROSECONDS_PER_DAY, 0, window_days)
    smoothing = SMOOTHING_SHARE * window_days
    mean_rate = counts.sum() / max(on_sale.sum(), 1e-9)
    rate = (counts + mean_rate * smoothing) / (on_sale + smoothing)
    expected: npt.NDArray[np.float64] = rate * window_days
    return expected

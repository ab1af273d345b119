"""Since when items have been on offer: before that, nobody can have turned them down."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions
from recsys.data.items import ALWAYS, FOR_EVER, Items


def offered_from(items: Items, past: Interactions) -> npt.NDArray[np.int64]:
    """(items,), microseconds since 1970 UTC; ALWAYS where the catalogue names no day, FOR_EVER where it does and nobody has met the item.

    An item may be on sale for weeks before anyone is shown it, so an item with a day is on offer from its first event. Without a day the
    first event says too little: of films rated years after they came out it tells when someone remembered them.
    """
    first = np.full(len(items), FOR_EVER)
    np.minimum.at(first, past.item_index, past.event_time)
    return np.where(items.available_from == ALWAYS, ALWAYS, first)


def days_on_offer(offered: npt.NDArray[np.int64], *, now: int, most: float) -> npt.NDArray[np.float64]:
    """(items,): days from `offered` (see `offered_from`) to `now` (microseconds since 1970 UTC), at least 0 and at most `most`."""
    return np.clip((now - offered.astype(np.float64)) / MICROSECONDS_PER_DAY, 0.0, most)

"""Pairs of items that users wanted one after the other."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions


def co_click_pairs(past: Interactions, *, within_hours: float) -> npt.NDArray[np.int64]:
    """(pairs, 2) of item_index: every two items that some user wanted next to each other, once, the lower index first.

    Args:
        past: What may be known.
        within_hours: Most that may lie between the two events.
    """
    wanted = past.keep(past.relevant)
    item, user = wanted.item_index, wanted.user_row
    near = np.diff(wanted.event_time) <= within_hours * 3_600_000_000
    pairs = np.stack([item[:-1], item[1:]], axis=1)[(user[1:] == user[:-1]) & near & (item[1:] != item[:-1])]
    distinct: npt.NDArray[np.int64] = np.unique(np.sort(pairs, axis=1), axis=0)
    return distinct

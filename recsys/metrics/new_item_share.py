"""How much of a list nobody could have met before."""

import numpy as np
import numpy.typing as npt


def new_item_share(item_index: npt.NDArray[np.integer], is_new: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Share of each list that are new items, from 0 to 1.

    Args:
        item_index: (users, ranks) what was recommended; -1 where a list is shorter.
        is_new: (items,) items without an event before the cut.

    Returns:
        (users,); NaN for an empty list.
    """
    filled = item_index >= 0
    count = filled.sum(axis=1)
    return np.where(count > 0, (filled & is_new[item_index]).sum(axis=1) / np.maximum(count, 1), np.nan)

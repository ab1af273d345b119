"""How little known the recommended items are."""

import numpy as np
import numpy.typing as npt


def novelty(item_index: npt.NDArray[np.integer], popularity: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mean surprise of each list in bits: -log2 of an item's share of all past choices (Vargas and Castells, RecSys 2011).

    Every item counts once more than it was chosen, so that an item nobody has chosen yet is very surprising and not infinitely so.

    Args:
        item_index: (users, ranks) what was recommended; -1 where a list is shorter.
        popularity: (items,) how often each item was chosen before.

    Returns:
        (users,); NaN for an empty list.
    """
    share = (popularity + 1) / (popularity + 1).sum()
    filled = item_index >= 0
    surprise = np.where(filled, -np.log2(share)[item_index], 0.0)
    count = filled.sum(axis=1)
    return np.where(count > 0, surprise.sum(axis=1) / np.maximum(count, 1), np.nan)

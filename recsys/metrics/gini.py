"""How unequally the candidates share the places in the lists."""

import numpy as np
import numpy.typing as npt


def gini(item_index: npt.NDArray[np.integer], candidates: npt.NDArray[np.bool_]) -> float:
    """0 where every candidate is shown equally often, towards 1 where one item takes all places.

    Args:
        item_index: (users, ranks) what was recommended; -1 where a list is shorter.
        candidates: (items,) what might have been; those never shown count as 0 times.

    Returns:
        NaN where nothing was shown.
    """
    times = np.sort(np.bincount(item_index[item_index >= 0], minlength=len(candidates))[candidates])
    total, count = times.sum(), len(times)
    if total == 0:
        return float("nan")
    return float((2 * np.arange(1, count + 1) - count - 1) @ times / (count * total))

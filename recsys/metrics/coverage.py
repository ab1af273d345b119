"""How much of the catalogue is shown to anyone."""

import numpy as np
import numpy.typing as npt


def coverage(item_index: npt.NDArray[np.integer], candidates: npt.NDArray[np.bool_]) -> float:
    """Share of the candidates that stand in at least one list.

    Args:
        item_index: (users, ranks) what was recommended; -1 where a list is shorter.
        candidates: (items,) what might have been.

    Returns:
        From 0 to 1; NaN without candidates.
    """
    shown = np.unique(item_index[item_index >= 0])
    return float(candidates[shown].sum() / candidates.sum()) if candidates.any() else float("nan")

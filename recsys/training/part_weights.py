"""What further parts of the score may count beside the towers; validation chooses."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from recsys.data.item_to_item import LIKENESS, LINEAR

SHARES: Mapping[str, tuple[float, ...]] = {LINEAR: (0.0, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0), LIKENESS: (0.6, 0.0, 0.3, 1.0)}
"""Part -> how far it may spread a user's scores, as shares of what the towers do; the safe one first.

Where the towers know both items, they alone are safe, though from few users with many events each the linear part may learn more.
Of new items they know too little, of which most windows see too few to tell; see docs/experiments.md.
"""


def weights_of(part: str, *, unit: float) -> tuple[float, ...]:
    """SHARES as weights, of which `best_unless_first_is_as_good` takes one.

    Args:
        part: Its name.
        unit: See `level_weight`.
    """
    return tuple(share * unit for share in SHARES[part])


def level_weight(towers: npt.NDArray[np.float32], part: npt.NDArray[np.float32], *, left_out: npt.NDArray[np.bool_] | None = None) -> float:
    """The weight with which a part spreads scores as far as the towers, over the users to whom it says anything; 0 where there are none.

    Args:
        towers: (users, items) their scores.
        part: (users, items) its scores at weight 1.
        left_out: (users, items) what does not count, e.g. seen items, of which a part may say most; None: all counts.
    """
    counted = np.ones(part.shape, bool) if left_out is None else ~left_out
    some = counted.any(axis=1)
    own, others = (np.std(scores[some], axis=1, where=counted[some]) for scores in (part, towers))
    told = own > 0
    return float(others[told].mean() / own[told].mean()) if told.any() else 0.0

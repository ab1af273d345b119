"""Share of what the user chose that the list found."""

import numpy as np
import numpy.typing as npt

from recsys.metrics.cutoff import first_k


def recall_at_k(relevant: npt.NDArray[np.bool_], num_relevant: npt.NDArray[np.integer], *, k: int) -> npt.NDArray[np.float64]:
    """Hits in the first k / relevant items of the user, from 0 to 1. A user with more than k relevant items cannot reach 1.

    Args:
        relevant: (users, ranks) whether the item at each rank, best first, was chosen by the user.
        num_relevant: (users,) how many items the user chose in all, in the list or not.
        k: Ranks that count.

    Returns:
        (users,); NaN for a user who chose nothing, since no list can be right.
    """
    hits = first_k(relevant, k).sum(axis=1)
    return np.where(num_relevant > 0, hits / np.maximum(num_relevant, 1), np.nan)

"""Hits weighed by how early they come."""

import numpy as np
import numpy.typing as npt

from recsys.metrics.cutoff import first_k


def ndcg_at_k(relevant: npt.NDArray[np.bool_], num_relevant: npt.NDArray[np.integer], *, k: int) -> npt.NDArray[np.float64]:
    """How close each ranking is to the best possible one, from 0 to 1.

    Binary gains, discount 1 / log2(rank + 1) with ranks from 1, the ideal list cut at k (Jarvelin and Kekalainen, 2002).

    Args:
        relevant: (users, ranks) whether the item at each rank, best first, was chosen by the user.
        num_relevant: (users,) how many items the user chose in all, in the list or not.
        k: Ranks that count.

    Returns:
        (users,); NaN for a user who chose nothing, since no ranking can be right.
    """
    counted = first_k(relevant, k)
    discount = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    ideal = np.r_[0.0, np.cumsum(discount)][np.clip(num_relevant, 0, k)]  # (users,)
    gained = counted @ discount[: counted.shape[1]]
    return np.where(num_relevant > 0, gained / np.where(ideal > 0, ideal, 1), np.nan)

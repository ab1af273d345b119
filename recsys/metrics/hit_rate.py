"""Whether the list found anything at all."""

import numpy as np
import numpy.typing as npt

from recsys.metrics.cutoff import first_k


def hit_rate_at_k(relevant: npt.NDArray[np.bool_], num_relevant: npt.NDArray[np.integer], *, k: int) -> npt.NDArray[np.float64]:
    """1 where at least one of the first k items was chosen, else 0.

    Args:
        relevant: (users, ranks) whether the item at each rank, best first, was chosen by the user.
        num_relevant: (users,) how many items the user chose in all, in the list or not.
        k: Ranks that count.

    Returns:
        (users,); NaN for a user who chose nothing.
    """
    return np.where(num_relevant > 0, first_k(relevant, k).any(axis=1).astype(np.float64), np.nan)

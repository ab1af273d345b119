"""How early the first hit comes."""

import numpy as np
import numpy.typing as npt


def reciprocal_rank(relevant: npt.NDArray[np.bool_], num_relevant: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """1 / rank of the first hit, 0 where the list has none; its mean over users is the MRR (Voorhees, TREC 1999).

    Args:
        relevant: (users, ranks) whether the item at each rank, best first, was chosen by the user.
        num_relevant: (users,) how many items the user chose in all, in the list or not.

    Returns:
        (users,); NaN for a user who chose nothing.
    """
    found = relevant.any(axis=1)
    first = relevant.argmax(axis=1) + 1 if relevant.shape[1] else np.ones(len(relevant))
    return np.where(num_relevant > 0, np.where(found, 1 / first, 0.0), np.nan)

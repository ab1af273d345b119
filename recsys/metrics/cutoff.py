"""The first k ranks of every list."""

import numpy as np
import numpy.typing as npt


def first_k(relevant: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.bool_]:
    """Whether the items at ranks 1 to k were chosen: (users, at most k). A list shorter than k misses at the ranks it lacks.

    Raises:
        ValueError: k is below 1, or `relevant` is not (users, ranks).
    """
    if k < 1:
        raise ValueError(f"k is {k}; the first rank is 1, so k must be at least 1")
    if relevant.ndim != 2:
        raise ValueError(f"relevant has shape {relevant.shape}; it must be (users, ranks)")
    return relevant[:, :k]

"""How unlike one another the items of a list are."""

import numpy as np
import numpy.typing as npt


def intra_list_diversity(
    item_index: npt.NDArray[np.integer], vectors: npt.NDArray[np.floating], presence: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Mean cosine distance over the pairs of a list, from 0 (all alike) to 2 (Ziegler et al., WWW 2005).

    Args:
        item_index: (users, ranks) what was recommended; -1 where a list is shorter.
        vectors: (items, dim) of one modality, of any length.
        presence: (items,) which items have the modality; the others are left out of their lists.

    Returns:
        (users,); NaN for a list with fewer than two items that have the modality.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    filled = (item_index >= 0) & presence[item_index]
    count = filled.sum(axis=1)
    # the sum of all pairwise cosines is the squared length of the sum, less the n cosines of items with themselves
    total = np.zeros((len(item_index), vectors.shape[1]))
    for rank in range(item_index.shape[1]):  # one rank at a time: (users, dim), never (users, ranks, dim)
        total += np.where(filled[:, rank, None], unit[item_index[:, rank]], 0)
    pairs = count * (count - 1)
    return np.where(pairs > 0, 1 - ((total**2).sum(axis=1) - count) / np.maximum(pairs, 1), np.nan)

"""Items like those the user wanted, likeness being who else wanted both (Sarwar et al., WWW 2001)."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.data.interactions import Interactions
from recsys.models.baselines.liked import liked, liked_by

COLUMNS_AT_ONCE = 256
"""Items whose neighbours are sought together; memory is this times the catalogue."""


class ItemKNN:
    """Score an item by the sum of its cosines with the user's items, as far as they are among its nearest neighbours.

    A user without a liked past gets popularity.

    Args:
        interactions: The past to learn from.
        neighbours: Neighbours that each item keeps; those as near as the last one stay too.

    Raises:
        ValueError: There is no room for a neighbour.
    """

    name = "item_knn"

    def __init__(self, interactions: Interactions, *, neighbours: int) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours is {neighbours}; ItemKNN needs at least 1")
        matrix = liked(interactions)
        self.popularity = np.asarray(matrix.sum(axis=0), np.float32).ravel()
        self.weights = _nearest(matrix.astype(np.float64), neighbours)

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items): sums of cosines; numbers of likes for a user without a liked past."""
        profile = liked_by(past, rows)
        scores: npt.NDArray[np.float32] = (profile @ self.weights).toarray().astype(np.float32)
        scores[np.diff(profile.indptr) == 0] = self.popularity
        return scores


def _nearest(liked: sp.csr_matrix, neighbours: int) -> sp.csr_matrix:
    """(items, items): in each column the cosines with the nearest other items, 0 elsewhere."""
    num_items = liked.shape[1]
    length = np.sqrt(np.maximum(np.asarray(liked.sum(axis=0)).ravel(), 1e-9))
    cosines = (liked @ sp.diags_array(1 / length)).tocsc()
    kept = min(neighbours, num_items - 1)
    parts = []
    for start in range(0, num_items, COLUMNS_AT_ONCE):
        block = (cosines.T @ cosines[:, start : start + COLUMNS_AT_ONCE]).toarray()  # (items, block)
        columns = np.arange(block.shape[1])
        block[start + columns, columns] = 0
        if kept:
            block[block < np.partition(block, -kept, axis=0)[-kept]] = 0
        parts.append(sp.csc_matrix(block))
    return sp.hstack(parts, format="csr") if parts else sp.csr_matrix((0, 0))

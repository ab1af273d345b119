"""What the log says of one item for another, in closed form: EASE of low rank, which fits into item vectors."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from recsys.data.interactions import Interactions

RANK = 128
SPARE, PASSES = 16, 4
"""Directions more than RANK, and passes over the log, with which the leading ones are found (Halko et al., SIAM Review 2011)."""
STRENGTH = 400.0
"""L2 penalty of the weights."""
MOST_EVENTS = 5_000_000
"""Of a longer log as many users are drawn as have about so many."""


def linear_columns(past: Interactions, *, kind_worth: tuple[float, ...], seed: int) -> npt.NDArray[np.float32] | None:
    """What items have in the part `LINEAR` (see `ItemToItem`); None where the log is too small to say anything.

    The weights of EASE (Steck, WWW 2019) are -P_ij / P_jj with P = (X'X + STRENGTH I)^-1. Off its diagonal P is minus a product of the
    leading right singular vectors of X (Jin et al., KDD 2021), so an item is read as its row of these and scored as the same row over P_jj.

    Args:
        past: What may be learned from.
        kind_worth: See `ItemToItem`; the entries of X.
        seed: Of the users drawn, and of the directions that are begun with.

    Returns:
        (items, at most RANK + 1); zero but for the last for items that nobody has met.
    """
    matrix = _behaviour(past, kind_worth, seed=seed)
    met = np.flatnonzero(matrix.getnnz(axis=0))
    rank = min(RANK, len(met) - 1, matrix.shape[0] - 1)
    if rank < 1:
        return None
    _, values, directions = randomized_svd(matrix[:, met], rank, n_oversamples=SPARE, n_iter=PASSES, random_state=seed)
    read = directions.T * np.sqrt(values**2 / (values**2 + STRENGTH))  # (met, rank)
    diagonal = 1 - (read**2).sum(axis=1)  # of P times STRENGTH
    columns = np.zeros((past.num_items, rank + 1), np.float32)
    columns[:, -1] = 1
    columns[met] = np.c_[read / diagonal[:, None], diagonal]
    return columns


def _behaviour(past: Interactions, kind_worth: tuple[float, ...], *, seed: int) -> sp.csr_matrix:
    """X: (users with events, items), a pair by the kind that says most."""
    users = np.flatnonzero(np.diff(past.offsets))
    share = MOST_EVENTS / max(len(past.item_index), 1)
    if share < 1:
        users = np.random.default_rng(seed).choice(users, max(1, int(share * len(users))), replace=False)
    some = past.asked(np.sort(users)).distinct()
    matrix = some.matrix(np.array(kind_worth)[some.kind]).astype(np.float64)
    matrix.eliminate_zeros()
    return matrix

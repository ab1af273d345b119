"""The linear model that is hard to beat: one weight per pair of items, in closed form (Steck, WWW 2019)."""

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp

from recsys.data.interactions import Interactions
from recsys.models.baselines.liked import liked, liked_by

MOST_ITEMS = 20_000
"""Liked items up to which the dense matrix of pairs is affordable: 3.2 GB while it is inverted, half of that afterwards."""


class CatalogueTooLargeError(ValueError):
    """EASE holds a number for every pair of items, and there are too many pairs."""


class EASE:
    """Score an item by the weights of the user's items for it; the weights best rebuild everyone's likes from their other likes.

    A user without a liked past gets popularity. An item that nobody liked has no weight and scores 0.

    Args:
        interactions: The past to learn from.
        strength: L2 penalty; more makes weights smaller and popular items weigh less.
        most_items: Refuse more liked items than this.

    Raises:
        CatalogueTooLargeError: More than `most_items` items have a like.
        ValueError: The strength is not positive.
    """

    name = "ease"

    def __init__(self, interactions: Interactions, *, strength: float, most_items: int = MOST_ITEMS) -> None:
        if not strength > 0:
            raise ValueError(f"the strength of EASE is {strength}; the L2 penalty must be above 0")
        matrix = liked(interactions)
        self.popularity = np.asarray(matrix.sum(axis=0), np.float32).ravel()
        self.warm = np.flatnonzero(self.popularity)
        if len(self.warm) > most_items:
            raise CatalogueTooLargeError(
                f"EASE would hold {len(self.warm)} x {len(self.warm)} weights ({4 * len(self.warm) ** 2 / 1e9:.1f} GB); "
                f"at most {most_items} liked items are allowed. Leave `ease` out of [evaluation] baselines."
            )
        self.weights = _weights(matrix[:, self.warm].astype(np.float64), strength)

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items): sums of weights; numbers of likes for a user without a liked past."""
        profile = liked_by(past, rows)
        scores = np.zeros(profile.shape, np.float32)
        scores[:, self.warm] = profile[:, self.warm] @ self.weights
        scores[np.diff(profile.indptr) == 0] = self.popularity
        return scores


def _weights(liked: sp.csr_matrix, strength: float) -> npt.NDArray[np.float32]:
    """(items, items): B = I - P diag(1 / diag P) with P = (X'X + strength I)^-1."""
    num_users, num_items = liked.shape
    if num_items == 0:
        return np.zeros((0, 0), np.float32)
    if num_users < num_items:  # Woodbury: invert the smaller of the two Gram matrices, P strength = I - X' (XX' + strength I)^-1 X
        inner = np.linalg.inv((liked @ liked.T).toarray() + strength * np.eye(num_users))
        inverse = -(liked.T @ (liked.T @ inner).T) / strength
        inverse[np.diag_indices(num_items)] += 1 / strength
    else:
        gram = np.asfortranarray((liked.T @ liked).toarray())
        gram[np.diag_indices(num_items)] += strength
        factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=True, overwrite_a=True)
        inverse, failed_too = scipy.linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
        if failed or failed_too:
            raise np.linalg.LinAlgError(f"the matrix of EASE could not be inverted at strength {strength}; use a larger one")
        lower = np.tril(inverse, -1)
        inverse = lower + lower.T + np.diag(np.diag(inverse))
    weights: npt.NDArray[np.float32] = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights

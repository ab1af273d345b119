"""Implicit matrix factorisation: users and items share factors, found by turns in closed form (Hu, Koren and Volinsky, ICDM 2008)."""

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from recsys.data.interactions import Interactions
from recsys.models.baselines.liked import liked, liked_by

FACTORS = 64
"""Length of a vector; 32 to 256 differ by 0.001 NDCG@10 on xwines once the L2 is right, and the time grows with it."""
CONFIDENCE = 40.0
"""Weight of a like, where every pair without one weighs 1 (alpha of Hu et al.)."""
ITERATIONS = 15
"""Turns of users and items; 30 are no better on xwines."""


class IALS:
    """Score an item by the dot product of its factors with the user's, which are solved for anew from the past that is shown.

    So users need not have been trained on. A user without a liked past gets popularity; an item that nobody liked scores 0.
    How much a well-set penalty makes of this model: Rendle et al., "Revisiting the Performance of iALS" (RecSys 2022).

    As many threads as OpenMP is allowed (`OMP_NUM_THREADS`); the factors do not depend on how many.

    Args:
        interactions: The past to learn from.
        strength: L2 penalty on all factors, as a share of CONFIDENCE times the root of the mean number of likes of a liked item. Told
            so, 0.8 is good on xwines, ml-latest-small and the sample shop alike, where the bare penalty wants to be 270, 90 and 170.
        seed: Of the factors that it starts from.

    Raises:
        ValueError: The strength is not positive.
    """

    name = "ials"

    def __init__(self, interactions: Interactions, *, strength: float, seed: int = 0) -> None:
        if not strength > 0:
            raise ValueError(f"the strength of iALS is {strength}; the L2 penalty must be above 0")
        matrix = liked(interactions)
        self.popularity = np.asarray(matrix.sum(axis=0), np.float32).ravel()
        self.warm = np.flatnonzero(self.popularity)
        penalty = strength * CONFIDENCE * np.sqrt(matrix.nnz / max(1, len(self.warm)))
        with threadpool_limits(1, "blas"):  # the solver has threads of its own, and BLAS inside them would only wait
            self.model = AlternatingLeastSquares(
                factors=FACTORS, regularization=float(penalty), alpha=CONFIDENCE, iterations=ITERATIONS, random_state=seed
            )
            self.model.fit(matrix[np.diff(matrix.indptr) > 0][:, self.warm], show_progress=False)

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items): dot products of factors; numbers of likes for a user without a liked past."""
        profile = liked_by(past, rows)
        with threadpool_limits(1, "blas"):
            users = self.model.recalculate_user(np.arange(len(rows)), profile[:, self.warm])  # (users, factors)
        scores = np.zeros(profile.shape, np.float32)
        scores[:, self.warm] = users @ self.model.item_factors.T
        scores[np.diff(profile.indptr) == 0] = self.popularity
        return scores

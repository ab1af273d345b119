"""Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): good items that do not repeat one another."""

import numpy as np
import numpy.typing as npt

MOST_CONSIDERED = 200
"""Best candidates among which the slate is chosen."""


def diversify(scores: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], *, k: int, diversity: float) -> npt.NDArray[np.int64]:
    """Places of the chosen candidates, in order.

    Args:
        scores: (candidates,) best first; scaled to [0, 1] within the request.
        vectors: (candidates, dim) unit vectors; zero where nothing is known, which resembles nothing.
        k: How many.
        diversity: 0: the given order; 1: only unlikeness counts.

    Raises:
        ValueError: `diversity` is outside [0, 1].
    """
    if not 0 <= diversity <= 1:
        raise ValueError(f"diversity is {diversity}; it lies between 0 (off) and 1")
    if diversity == 0 or len(scores) <= 1:
        return np.arange(min(k, len(scores)))
    size = min(len(scores), max(k, MOST_CONSIDERED))
    spread = float(scores[:size].max() - scores[:size].min())
    worth = (scores[:size] - scores[:size].min()) / (spread or 1.0)
    nearest = np.zeros(size, np.float32)
    left = np.ones(size, bool)
    chosen: list[int] = []
    for _ in range(min(k, size)):
        value = np.where(left, (1 - diversity) * worth - diversity * nearest, -np.inf)
        best = int(value.argmax())
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors[:size] @ vectors[best])
    return np.array(chosen, np.int64)

"""Exact search by inner product: what approximate search is held against."""

import numpy as np
import numpy.typing as npt

MOST_SCORES = 2**25


def search_exact(
    queries: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], item_index: npt.NDArray[np.int64], *, k: int
) -> npt.NDArray[np.int64]:
    """The k rows of greatest inner product for each query, best first; of equals the one that stands first.

    Args:
        queries: (queries, dim).
        vectors: (rows, dim), searched one block of queries at a time, so memory is bounded.
        item_index: (rows,) what each row is called in the answer.
        k: Length of the lists.

    Returns:
        (queries, min(k, rows)).
    """
    k = min(k, len(vectors))
    found = np.empty((len(queries), k), np.int64)
    step = max(1, MOST_SCORES // max(1, len(vectors)))
    for start in range(0, len(queries), step):
        scores = queries[start : start + step] @ vectors.T
        best = (
            np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1) if k < len(vectors) else np.tile(np.arange(k), (len(scores), 1))
        )
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        found[start : start + step] = item_index[np.take_along_axis(best, order, axis=1)]
    return found

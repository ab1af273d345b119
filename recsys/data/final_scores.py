"""The order of a slate out of what the ranker expects and what the retriever said."""

import numpy as np
import numpy.typing as npt

from recsys.data.ranking_features import standardised


def final_scores(
    probabilities: npt.NDArray[np.floating],
    retrieval_scores: npt.NDArray[np.floating],
    *,
    task_weights: npt.NDArray[np.floating],
    blend: float,
) -> npt.NDArray[np.float32]:
    """Scores of the candidates of one request; higher is better.

    Args:
        probabilities: (candidates, tasks) of the ranker.
        retrieval_scores: (candidates,) of the retriever.
        task_weights: (tasks,) what an event of each task is worth; at least one above 0, none below.
        blend: From 0, the ranker alone, to 1, the retriever's order.

    Returns:
        (candidates,): both sides standardised within the request, so that neither depends on the scale of the other.
    """
    expected = np.log(np.maximum(probabilities @ task_weights, 1e-12))
    return ((1 - blend) * standardised(expected) + blend * standardised(retrieval_scores)).astype(np.float32)

"""Put candidates in the order of what they are expected to lead to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.data.final_scores import final_scores
from recsys.data.ranking_features import RankingHistory, ranking_features
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class RankerInput:
    """What the ranker is asked in one request."""

    item_index: npt.NDArray[np.int64]
    """(candidates,)"""
    retrieval_scores: npt.NDArray[np.float32]
    """(candidates,)"""
    features: npt.NDArray[np.float32]
    """(candidates, features)"""


Witness = Callable[[RankerInput], None]


def rank_scores(
    release: Release,
    history: RankingHistory,
    item_index: npt.NDArray[np.int64],
    retrieval_scores: npt.NDArray[np.float32],
    *,
    now: int,
    witness: Witness | None = None,
) -> npt.NDArray[np.float32]:
    """(candidates,): final scores within the request, higher is better; `now` in microseconds since 1970 UTC."""
    if not len(item_index):
        return np.zeros(0, np.float32)
    features = ranking_features(history, item_index, retrieval_scores, release.ranking_items, now=now)
    if witness is not None:
        witness(RankerInput(item_index, retrieval_scores, features))
    return scores_of_features(release, features, retrieval_scores)


def scores_of_features(
    release: Release, features: npt.NDArray[np.float32], retrieval_scores: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(candidates,): what the ranker makes of (candidates, features), wherever these come from."""
    probabilities = release.ranker.run(["probabilities"], {"features": features})[0]
    weights = np.asarray(release.ranking["task_weights"], np.float64)
    return final_scores(probabilities, retrieval_scores, task_weights=weights, blend=float(release.ranking["blend"]))

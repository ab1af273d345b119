"""The final slate as evaluation judges it: what the retriever found, in the ranker's order."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.final_scores import final_scores
from recsys.data.interactions import Interactions, microseconds
from recsys.data.ranking_items import RankingItems
from recsys.data.ranking_lists import fill_features
from recsys.evaluation.top_k import top_k
from recsys.models.ranker import SavedRanker
from recsys.models.scorer import Scorer

USERS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class RerankedRecommender:
    """Implements `Recommender`: the best of a scorer stand in the ranker's order, the rest behind them in the scorer's.

    Of a user without events, of whom the ranker could read nothing, all stand in the scorer's: so they are served.
    """

    base: Scorer
    ranker: SavedRanker
    items: RankingItems
    """As of `now`."""
    now: datetime
    depth: int
    """Candidates that are reranked."""
    name: str = "slate"

    def recommend(
        self, past: Interactions, rows: npt.NDArray[np.int64], *, candidates: npt.NDArray[np.bool_], k: int, exclude_seen: bool
    ) -> npt.NDArray[np.int64]:
        """See `Recommender`."""
        wanted = max(k, self.depth)
        lists, scores = top_k(self.base, past, rows, candidates=candidates, k=wanted, exclude_seen=exclude_seen)
        asked, places = past.asked(rows).distinct(), np.arange(len(rows))
        for start in range(0, len(rows), USERS_AT_ONCE):
            some = slice(start, start + USERS_AT_ONCE)
            lists[some, : self.depth] = self._reordered(asked, places[some], lists[some, : self.depth], scores[some, : self.depth])
        return lists[:, :k]

    def _reordered(
        self, past: Interactions, rows: npt.NDArray[np.int64], lists: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.int64]:
        moments = np.full(len(rows), microseconds(self.now))
        features = fill_features(past, rows, moments, lists, scores, self.items, history_length=self.ranker.history_length)
        there = lists >= 0
        probabilities = np.zeros((*lists.shape, len(self.ranker.task_weights)), np.float32)
        probabilities[there] = self.ranker.probabilities(features[there])
        weights, ordered = np.array(self.ranker.task_weights), lists.copy()
        for place in np.flatnonzero(~past.without_events(rows)):
            some = there[place]
            final = final_scores(probabilities[place, some], scores[place, some], task_weights=weights, blend=self.ranker.blend)
            ordered[place, some] = lists[place, some][np.argsort(-final, kind="stable")]
        return ordered

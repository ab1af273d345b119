"""One model's lists against the truth: one value per user and metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.evaluation.top_k import top_k
from recsys.evaluation.truth import SCOPES, Choices, Scope, Truth
from recsys.metrics.hit_rate import hit_rate_at_k
from recsys.metrics.ndcg import ndcg_at_k
from recsys.metrics.recall import recall_at_k
from recsys.metrics.reciprocal_rank import reciprocal_rank
from recsys.models.scorer import Scorer

DEPTH = 100
"""Length of the lists that are judged; a first hit below it counts as none."""
RECALL_AT = (10, 20, 50, 100)
NDCG_AT = (10, 20)


class Recommender(Protocol):
    """Whatever makes lists: a scorer ranked in full, or a slate behind it."""

    @property
    def name(self) -> str:
        """As it stands in reports."""
        ...

    def recommend(
        self, past: Interactions, rows: npt.NDArray[np.int64], *, candidates: npt.NDArray[np.bool_], k: int, exclude_seen: bool
    ) -> npt.NDArray[np.int64]:
        """item_index (users, k), best first, -1 where a list is shorter; arguments as in `top_k`."""
        ...


@dataclass(frozen=True)
class FullRanking:
    """A scorer as a recommender: exact scores over all candidates, no sampling and no index."""

    scorer: Scorer

    @property
    def name(self) -> str:
        """The scorer's."""
        return self.scorer.name

    def recommend(
        self, past: Interactions, rows: npt.NDArray[np.int64], *, candidates: npt.NDArray[np.bool_], k: int, exclude_seen: bool
    ) -> npt.NDArray[np.int64]:
        """See `top_k`."""
        return top_k(self.scorer, past, rows, candidates=candidates, k=k, exclude_seen=exclude_seen)[0]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a model recommended and how good it was."""

    name: str
    lists: Mapping[Scope, npt.NDArray[np.int64]]
    """(users, DEPTH) of item_index, -1 where a list is shorter."""
    metrics: Mapping[Scope, Mapping[str, npt.NDArray[np.float64]]]
    """scope -> metric -> (users,); NaN for a user without a choice in that scope."""


def judge(recommender: Recommender, truth: Truth) -> Judgement:
    """Ask a model for everybody's lists, once with seen items masked and once without, and compare them with the truth."""
    lists = {
        scope: recommender.recommend(truth.past, truth.rows, candidates=truth.candidates, k=DEPTH, exclude_seen=scope == "new")
        for scope in SCOPES
    }
    metrics = {scope: per_user(lists[scope], truth.chosen[scope]) for scope in SCOPES}
    return Judgement(name=recommender.name, lists=lists, metrics=metrics)


def per_user(item_index: npt.NDArray[np.int64], chosen: Choices) -> dict[str, npt.NDArray[np.float64]]:
    """Every ranking metric of some lists, (users,) each."""
    hits, num_relevant = chosen.hits(item_index), chosen.counts()
    values = {f"recall@{k}": recall_at_k(hits, num_relevant, k=k) for k in RECALL_AT}
    values |= {f"ndcg@{k}": ndcg_at_k(hits, num_relevant, k=k) for k in NDCG_AT}
    values["mrr"] = reciprocal_rank(hits, num_relevant)
    values["hit_rate@10"] = hit_rate_at_k(hits, num_relevant, k=10)
    return values

import numpy as np
import torch

from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import build_ranking_items
from recsys.evaluation.reranked import RerankedRecommender
from recsys.evaluation.top_k import top_k
from recsys.models.baselines.popularity import Popularity
from recsys.models.ranker import RankerShape, SavedRanker
from tests.support.behaviour import day, interactions_of, items_of
from tests.support.rated_items import NOTHING_KNOWN

PAST = interactions_of([("ann", 0, 1.0), ("bob", 1, 2.0), ("bob", 2, 3.0)], num_items=9)


def test_a_user_without_events_is_shown_the_scorers_order_as_serving_does() -> None:
    items = build_ranking_items(items_of(9), NOTHING_KNOWN, moment=day(10))
    shape = RankerShape(feature_names=feature_names(items.modalities), tasks=("liked",), num_experts=2, expert_dims=(4,), tower_dims=())
    model = shape.build().eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, generator=torch.Generator().manual_seed(0))
    rows, asked = np.array([0, -1, 1]), {"candidates": np.ones(9, bool), "k": 9, "exclude_seen": True}
    plain = top_k(Popularity(PAST), PAST, rows, **asked)[0]  # type: ignore[arg-type]
    changed = False
    for worth in (1.0, -1.0):
        ranker = SavedRanker(model=model.requires_grad_(False), shape=shape, task_weights=(worth,), blend=0.0, history_length=10)
        slate = RerankedRecommender(base=Popularity(PAST), ranker=ranker, items=items, now=day(10), depth=9)
        found = slate.recommend(PAST, rows, **asked)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found[1], plain[1])
        changed |= bool((found != plain).any())
    assert changed

"""Our formulas are the ones that a published library uses: 200 random rankings give the same numbers."""

import numpy as np
import pytest
import ranx

from recsys.metrics.hit_rate import hit_rate_at_k
from recsys.metrics.ndcg import ndcg_at_k
from recsys.metrics.recall import recall_at_k
from recsys.metrics.reciprocal_rank import reciprocal_rank

RANKS, CATALOGUE = 30, 60


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*unsafe cast from uint64 to int64")  # numba, inside ranx
def test_recall_ndcg_hit_rate_and_reciprocal_rank_agree_with_ranx() -> None:
    generator = np.random.default_rng(0)
    lists = np.stack([generator.permutation(CATALOGUE)[:RANKS] for _ in range(200)])
    chosen = [generator.choice(CATALOGUE, size=generator.integers(1, 15), replace=False) for _ in range(200)]
    qrels = ranx.Qrels({f"q{user}": {f"d{item}": 1 for item in items} for user, items in enumerate(chosen)})
    run = ranx.Run({f"q{user}": {f"d{item}": float(RANKS - rank) for rank, item in enumerate(items)} for user, items in enumerate(lists)})
    names = ["recall@10", "recall@20", "ndcg@10", "ndcg@20", "mrr", "hit_rate@10"]
    ranx.evaluate(qrels, run, names)
    theirs = run.scores
    hits = np.stack([np.isin(items, wanted) for items, wanted in zip(lists, chosen, strict=True)])
    count = np.array([len(wanted) for wanted in chosen])
    ours = {
        "recall@10": recall_at_k(hits, count, k=10),
        "recall@20": recall_at_k(hits, count, k=20),
        "ndcg@10": ndcg_at_k(hits, count, k=10),
        "ndcg@20": ndcg_at_k(hits, count, k=20),
        "mrr": reciprocal_rank(hits, count),
        "hit_rate@10": hit_rate_at_k(hits, count, k=10),
    }
    for name in names:
        assert ours[name] == pytest.approx([theirs[name][f"q{user}"] for user in range(200)], abs=1e-9), name

import math

import numpy as np
import pytest

from recsys.evaluation import top_k as module
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.truth import build_truth
from recsys.models.baselines.build import BASELINES, build_baseline
from tests.support.behaviour import day, interactions_of, items_of, random_interactions

LOG = random_interactions(4, num_users=60, num_items=25, num_events=900)
ITEMS = items_of(25, vectors={"text": np.random.default_rng(0).normal(size=(25, 6)).astype(np.float32)})


def test_metrics_of_one_user_by_hand() -> None:
    past = interactions_of([("x", 0, 1), ("y", 0, 1), ("x", 1, 1), ("z", 3, 1)], num_items=4)
    window = interactions_of([("z", 1, 12), ("z", 2, 12)], num_items=4)
    truth = build_truth(past, window, candidates=np.ones(4, bool))
    judgement = judge(FullRanking(build_baseline("popularity", past, items_of(4))), truth)
    assert judgement.lists["new"][0, :4].tolist() == [0, 1, 2, -1]  # item 3 was seen
    assert judgement.metrics["new"]["recall@10"][0] == 1
    assert judgement.metrics["new"]["mrr"][0] == 1 / 2
    gained, ideal = 1 / math.log2(3) + 1 / math.log2(4), 1 + 1 / math.log2(3)
    assert judgement.metrics["new"]["ndcg@10"][0] == pytest.approx(gained / ideal)
    assert judgement.lists["all"][0, :4].tolist() == [0, 1, 3, 2]  # nothing masked


def test_a_user_who_chose_only_seen_items_counts_only_where_all_items_do() -> None:
    past = interactions_of([("x", 0, 1), ("y", 1, 1)], num_items=2)
    truth = build_truth(past, interactions_of([("x", 0, 12), ("y", 0, 12)], num_items=2), candidates=np.ones(2, bool))
    judgement = judge(FullRanking(build_baseline("popularity", past, items_of(2))), truth)
    assert np.isnan(judgement.metrics["new"]["ndcg@10"][0])
    assert not np.isnan(judgement.metrics["all"]["ndcg@10"][0])


@pytest.mark.parametrize("name", BASELINES)
def test_values_do_not_depend_on_the_batch_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    past, window = LOG.before(day(80)), LOG.between(day(80), day(100))
    truth = build_truth(past, window, candidates=np.ones(25, bool))
    scorer = build_baseline(name, past, ITEMS)
    at_once = judge(FullRanking(scorer), truth)
    monkeypatch.setattr(module, "MOST_SCORES", 3 * 25)
    in_threes = judge(FullRanking(scorer), truth)
    for scope in ("new", "all"):
        for metric, values in at_once.metrics[scope].items():  # type: ignore[index]
            np.testing.assert_array_equal(values, in_threes.metrics[scope][metric])  # type: ignore[index]

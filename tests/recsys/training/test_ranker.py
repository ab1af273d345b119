from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys.data.ranking_lists import RankingLists
from recsys.models.ranker import SavedRanker
from recsys.training.config import RankerConfig
from recsys.training.ranker import BLENDS, FEWEST_REQUESTS, choose_blend, hold_out, train_ranker

CONFIG = RankerConfig(num_experts=2, expert_dims=(8,), tower_dims=(), epochs=4, patience=4, batch_rows=80, learning_rate=0.02)


def world(*, meaning: bool = True, known: float = 0.0) -> RankingLists:
    """200 users, ten candidates, and one of them wanted: the one with the greatest feature, where that has a meaning.

    The retriever knows it in this share of the requests; elsewhere it names the candidates in their order.
    """
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 10, 2)).astype(np.float32)
    best = features[:, :, 0].argmax(axis=1) if meaning else np.zeros(200, np.int64)
    labels = np.zeros((200, 10, 1), bool)
    labels[np.arange(200), best] = True
    items, scores = np.tile(np.arange(10), (200, 1)), np.tile(-np.arange(10.0, dtype=np.float32), (200, 1))
    told = np.flatnonzero(random.random(200) < known)
    scores[told, best[told]] = 1.0
    return RankingLists(features, items, scores, labels, np.ones(200, np.int64), np.arange(200))


def train(
    lists: RankingLists, scratch: Path, *, config: RankerConfig = CONFIG, stop_after: int | None = None, blends: tuple[float, ...] = BLENDS
) -> SavedRanker:
    begun = 0

    def track(batches: Iterable[Any], *, what: str, total: int | None = None) -> Iterable[Any]:
        nonlocal begun
        begun += 1
        if stop_after is not None and begun > stop_after:
            raise KeyboardInterrupt
        return batches

    names, tasks, weights = ("a", "b"), ("click",), (1.0,)
    return train_ranker(
        lists,
        config,
        feature_names=names,
        tasks=tasks,
        task_weights=weights,
        history_length=5,
        scratch=scratch,
        track=track,
        blends=blends,
    )


def test_learns_what_the_retriever_does_not_know(tmp_path: Path) -> None:
    told = train(world(), tmp_path, config=replace(CONFIG, held_out_share=0.25)).training
    assert told["slate"]["10"] > 0.9 > told["retrieval_order"]["10"]


def test_it_may_be_kept_from_the_order(tmp_path: Path) -> None:
    saved = train(world(), tmp_path, blends=(1.0,))
    assert saved.blend == 1
    assert saved.training["slate"] == saved.training["retrieval_order"]


def test_its_probabilities_are_as_frequent_as_they_say(tmp_path: Path) -> None:
    told = train(world(), tmp_path).training["tasks"]["click"]
    assert told["normalised_entropy"] < 0.5
    assert told["ece"] < 0.05


def test_it_goes_on_learning_while_the_retrievers_order_is_still_the_better(tmp_path: Path) -> None:
    slow = replace(CONFIG, learning_rate=0.0005, epochs=30, patience=2)
    told = train(world(known=0.9), tmp_path, config=slow).training
    found = [epoch["ndcg_at_10"] for epoch in told["history"]]
    assert max(found[: slow.patience + 1]) < told["retrieval_order"]["10"] < max(found)


def test_where_the_retriever_is_right_it_has_the_last_word(tmp_path: Path) -> None:
    saved = train(world(meaning=False), tmp_path)
    assert saved.blend == 1
    assert saved.training["slate"] == saved.training["retrieval_order"] == {"10": 1.0, "20": 1.0}


def test_a_killed_training_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    undisturbed = train(world(), tmp_path / "whole")
    try:
        train(world(), tmp_path / "killed", stop_after=2)
    except KeyboardInterrupt:
        resumed = train(world(), tmp_path / "killed")
    features = world().features[0]
    np.testing.assert_array_equal(resumed.probabilities(features), undisturbed.probabilities(features))


def test_all_requests_of_a_user_are_held_out_together() -> None:
    user = np.array([3, 3, 5, 5, 7, 7, 9, 9])
    held = hold_out(user, share=0.5, seed=1)
    assert (held[::2] == held[1::2]).all()
    assert held.sum() == 4


def test_of_shares_that_cannot_be_told_apart_the_one_nearest_to_the_retriever_is_chosen() -> None:
    retriever = np.random.default_rng(0).uniform(size=400)
    noise = np.random.default_rng(1).normal(size=400)
    a_little = retriever + 0.001 + 0.3 * noise - 0.3 * noise.mean()
    for better, chosen in ((a_little, 1.0), (retriever + 0.05, 0.4)):
        assert choose_blend({1.0: retriever, 0.4: better, 0.0: retriever - 0.1}) == chosen


def test_requests_that_led_to_nothing_choose_nothing() -> None:
    values = np.r_[np.nan, np.random.default_rng(0).uniform(0.2, 0.4, FEWEST_REQUESTS)]
    assert choose_blend({1.0: values, 0.5: values - 0.1}) == 1.0
    assert choose_blend({1.0: values, 0.5: values + 0.1}) == 0.5
    assert choose_blend({1.0: np.full(99, np.nan), 0.5: np.full(99, np.nan)}) == 1.0


def test_too_few_requests_leave_the_order_to_the_retriever() -> None:
    values = np.random.default_rng(0).uniform(0.2, 0.4, FEWEST_REQUESTS)
    for some, chosen in ((values, 0.5), (values[1:], 1.0), (np.where(np.arange(len(values)), values, np.nan), 1.0)):
        assert choose_blend({1.0: some, 0.5: some + 0.1}) == chosen

"""Train a retriever and let validation choose its epochs and its popularity prior; train it again on another past with what was chosen."""

from datetime import datetime
from pathlib import Path

import numpy as np

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.tensors import ItemBatch
from recsys.evaluation.judge import per_user
from recsys.evaluation.top_k import top_k
from recsys.evaluation.truth import Truth
from recsys.models.retriever import SavedRetriever
from recsys.models.scorer import Scorer
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.prior import Prior, choose_prior
from recsys.training.retriever import Track, Training, tower_shape, train_retriever

MOST_RECALL_LOST = 0.005
"""Share of the Recall@100 without a prior that a prior may cost, whatever it does for NDCG@10."""
MOST_JUDGED_USERS = 5000
"""Users of the validation window that choose epochs and prior; more would only cost time."""


def train_and_choose(items: Items, truth: Truth, config: RetrieverConfig, *, now: datetime, scratch: Path, track: Track) -> SavedRetriever:
    """Train on the past of the truth; Recall@100 on its window chooses the epoch, Recall@100 and NDCG@10 together the popularity prior."""

    def validate(model: TwoTower, batch: ItemBatch) -> float:
        vectors = embed_catalogue(model, batch, np.zeros(len(items)))
        return _judge(TwoTowerScorer(model, vectors, config.history_length), truth)["recall@100"]

    training = train_retriever(items, truth.past, config, epochs=config.epochs, validate=validate, scratch=scratch, track=track)
    vectors = embed_catalogue(training.model, training.items, np.zeros(len(items)))
    users = TwoTowerScorer(training.model, vectors, config.history_length).for_users(truth.past, truth.rows)

    def with_prior(prior: Prior) -> dict[str, float]:
        return _judge(users.with_bias(prior.values(truth.past, items, now=now)), truth)

    least_recall = (1 - MOST_RECALL_LOST) * with_prior(Prior())["recall@100"]
    prior, _ = choose_prior(lambda candidate: _worth(with_prior(candidate), least_recall))
    return _saved(training, items, config, prior=prior, past=truth.past, now=now, validation=with_prior(prior))


def train_as_chosen(
    items: Items, past: Interactions, config: RetrieverConfig, *, prior: Prior, epochs: int, now: datetime, scratch: Path, track: Track
) -> SavedRetriever:
    """Train on another past with what validation chose."""
    training = train_retriever(items, past, config, epochs=epochs, validate=None, scratch=scratch, track=track)
    return _saved(training, items, config, prior=prior, past=past, now=now, validation={})


def _saved(
    training: Training,
    items: Items,
    config: RetrieverConfig,
    *,
    prior: Prior,
    past: Interactions,
    now: datetime,
    validation: dict[str, float],
) -> SavedRetriever:
    vectors = embed_catalogue(training.model, training.items, prior.values(past, items, now=now))
    told = {
        "epochs": training.epochs,
        "prior": {"window_days": prior.window_days, "weight": prior.weight},
        "history": training.history,
        "validation": validation,
        "temperature": float(training.model.temperature.detach()),
    }
    return SavedRetriever(model=training.model, shape=tower_shape(items, config), item_vectors=vectors, training=told)


def some_users(window: Interactions) -> Interactions:
    """Events of at most MOST_JUDGED_USERS users who wanted something, evenly spread over them."""
    users = np.unique(window.user_row[window.relevant])
    if len(users) <= MOST_JUDGED_USERS:
        return window
    return window.keep(np.isin(window.user_row, users[np.linspace(0, len(users) - 1, MOST_JUDGED_USERS).astype(np.int64)]))


def _judge(scorer: Scorer, truth: Truth) -> dict[str, float]:
    lists = top_k(scorer, truth.past, truth.rows, candidates=truth.candidates, k=100, exclude_seen=True)[0]
    values = per_user(lists, truth.chosen["new"])
    return {name: float(np.nanmean(values[name])) for name in ("recall@100", "ndcg@10")}


def _worth(values: dict[str, float], least_recall: float) -> float:
    """A gain of one per cent counts the same in either metric; retrieval must not lose what a later stage cannot bring back."""
    if values["recall@100"] < least_recall:
        return float("-inf")
    return float(np.log(max(values["recall@100"], 1e-9)) + np.log(max(values["ndcg@10"], 1e-9)))

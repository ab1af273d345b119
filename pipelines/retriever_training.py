"""Train a retriever and let validation choose its epochs and its popularity prior; train it again on another past with what was chosen."""

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from recsys.training.prior import WINDOWS_DAYS, Prior, choose_prior
from recsys.training.retriever import Track, Training, tower_shape, train_retriever

MOST_JUDGED_USERS = 5000
"""Users of the validation window that choose epochs and prior; more would only cost time."""


def train_and_choose(items: Items, truth: Truth, config: RetrieverConfig, *, now: datetime, scratch: Path, track: Track) -> SavedRetriever:
    """Train on the past of the truth; Recall@100 on its window chooses the epoch, and `choose_prior` the popularity prior.

    Raises:
        ValueError: Nobody in the window chose anything new, so that nothing can be chosen by it.
    """
    if not len(truth.chosen["new"].user):
        raise ValueError(
            f"the {truth.num_users} users of the validation window chose only items they had already seen: there is nothing to choose "
            "epochs and popularity prior by. Move `validation` and `test` in [cuts] so that the window between them is longer."
        )

    def validate(model: TwoTower, batch: ItemBatch) -> npt.NDArray[np.float64]:
        vectors = embed_catalogue(model, batch, np.zeros(len(items)))
        return _judge(TwoTowerScorer(model, vectors, config.history_length), truth)["recall@100"]

    training = train_retriever(items, truth.past, config, epochs=config.epochs, validate=validate, scratch=scratch, track=track)
    vectors = embed_catalogue(training.model, training.items, np.zeros(len(items)))
    users = TwoTowerScorer(training.model, vectors, config.history_length).for_users(truth.past, truth.rows)

    unit = {days: Prior(window_days=days, weight=1.0).values(truth.past, items, now=now) for days in WINDOWS_DAYS}
    prior, validation = choose_prior(lambda candidate: _judge(users.with_bias(candidate.weight * unit[candidate.window_days]), truth))
    told = {name: float(np.nanmean(values)) for name, values in validation.items()}
    return _saved(training, items, config, prior=prior, past=truth.past, now=now, validation=told)


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


def _judge(scorer: Scorer, truth: Truth) -> dict[str, npt.NDArray[np.float64]]:
    """(users,) of each metric that something is chosen by."""
    lists = top_k(scorer, truth.past, truth.rows, candidates=truth.candidates, k=100, exclude_seen=True)[0]
    values = per_user(lists, truth.chosen["new"])
    return {name: values[name] for name in ("recall@100", "ndcg@10")}

"""Train a retriever and let validation choose its epochs, what it asks and its popularity prior; train it again with what was chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.choosing_truth import Choosing
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.passed_over import PassedOver
from recsys.data.sequences import SHARE_IN_ORDER
from recsys.data.tensors import ItemBatch
from recsys.evaluation.judge import per_user
from recsys.evaluation.top_k import top_k
from recsys.evaluation.truth import Truth
from recsys.models.ensemble import Ensemble
from recsys.models.retriever import SavedRetriever
from recsys.models.scorer import Scorer
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import KnownUsersScorer, TwoTowerScorer, embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.ensemble import EnsembleTraining, train_ensemble
from recsys.training.inputs import known_values, tower_shape
from recsys.training.prior import HALF_LIVES_DAYS, Prior, choose_prior
from recsys.training.reading import choose_reading
from recsys.training.retriever import AfterEpoch, Track


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What validation decided and every later training keeps."""

    epochs: tuple[int, ...]
    """Of each member of the ensemble."""
    in_order: float
    """See `choose_reading`."""
    prior: Prior

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Chosen":
        """Out of the description of a retriever or the facts of its table, which say more."""
        return Chosen(epochs=tuple(values["epochs"]), in_order=values["in_order"], prior=Prior(**values["prior"]))


def train_and_choose(
    items: Items,
    choosing: Choosing,
    config: RetrieverConfig,
    *,
    now: datetime,
    scratch: Path,
    track: Track,
    after_epoch: AfterEpoch | None = None,
) -> SavedRetriever:
    """Train; Recall@100 chooses the epoch of each member, then `choose_reading` what all are asked and `choose_prior` the popularity prior.

    Args:
        items: The catalogue.
        choosing: By whom, and what may be learned from.
        config: Settings.
        now: The cut.
        scratch: See `train_ensemble`.
        track: See `train_ensemble`.
        after_epoch: See `train_ensemble`.

    Raises:
        ValueError: Nobody in the window chose anything new, so that nothing can be chosen by it.
    """
    truth, question = choosing.epochs, choosing.question
    if not len(truth.chosen["new"].user) or not len(question.chosen["new"].user):
        raise ValueError(
            f"the {question.num_users} users of the validation window chose only items they had already seen: there is nothing to choose "
            "epochs and popularity prior by. Move `validation` and `test` in [cuts] so that the window between them is longer."
        )

    attributes = known_values(truth.past, config)

    def validate(model: TwoTower, batch: ItemBatch) -> npt.NDArray[np.float64]:
        vectors = embed_catalogue(model, batch, np.zeros(len(items)))
        alone = Ensemble([model], in_order=SHARE_IN_ORDER[config.order])
        return judge_choice(TwoTowerScorer(alone, vectors, config.history_length, attributes), truth)["recall@100"]

    training = train_ensemble(
        items,
        truth.past,
        config,
        epochs=[config.epochs] * config.ensemble,
        validate=validate,
        scratch=scratch,
        track=track,
        after_epoch=after_epoch,
        passed_over=choosing.passed_over,
    )
    scorer = TwoTowerScorer(training.model, training.item_vectors, config.history_length, attributes)

    def asking(share: float) -> KnownUsersScorer:
        training.model.in_order = share
        return scorer.for_users(question.past, question.rows)

    in_order = SHARE_IN_ORDER[config.order]
    if config.order == "both":
        in_order = choose_reading(lambda share: judge_choice(asking(share), question))
    users = asking(in_order)
    popularity = {days: Prior(half_life_days=days).log_popularity(question.past, items, now=now) for days in HALF_LIVES_DAYS}
    strangers = question.past.without_events(question.rows)

    def weighing(days: float, weights: float | npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        return judge_choice(users.weighing(popularity[days], weights), question)

    prior = choose_prior(weighing, strangers=strangers)
    validation = weighing(prior.half_life_days, np.where(strangers, prior.strangers_weight, prior.weight))
    told = {name: float(np.nanmean(values)) for name, values in validation.items()}
    chosen = Chosen(epochs=training.epochs, in_order=in_order, prior=prior)
    return _saved(training, items, config, chosen=chosen, past=question.past, now=now, validation=told)


def train_as_chosen(
    items: Items,
    past: Interactions,
    config: RetrieverConfig,
    *,
    chosen: Chosen,
    now: datetime,
    scratch: Path,
    track: Track,
    passed_over: PassedOver | None = None,
) -> SavedRetriever:
    """Train on another past with what validation chose."""
    training = train_ensemble(
        items, past, config, epochs=chosen.epochs, validate=None, scratch=scratch, track=track, passed_over=passed_over
    )
    return _saved(training, items, config, chosen=chosen, past=past, now=now, validation={})


def _saved(
    training: EnsembleTraining,
    items: Items,
    config: RetrieverConfig,
    *,
    chosen: Chosen,
    past: Interactions,
    now: datetime,
    validation: dict[str, float],
) -> SavedRetriever:
    weights = (chosen.prior.weight, chosen.prior.strangers_weight)
    training.model.in_order, training.model.popularity_weights = chosen.in_order, weights
    vectors = training.item_vectors.copy()
    vectors[:, -1] = chosen.prior.log_popularity(past, items, now=now)
    told = {**asdict(chosen), "members": training.members, "validation": validation}
    if training.id_collisions:
        told["id_collisions"] = asdict(training.id_collisions)
    shape = replace(tower_shape(items, config, known_values(past, config)), in_order=chosen.in_order, popularity_weights=weights)
    return SavedRetriever(model=training.model, shape=shape, item_vectors=vectors, training=told)


def judge_choice(scorer: Scorer, truth: Truth) -> dict[str, npt.NDArray[np.float64]]:
    """(users,) of each metric that something is chosen by."""
    lists = top_k(scorer, truth.past, truth.rows, candidates=truth.candidates, k=100, exclude_seen=True)[0]
    values = per_user(lists, truth.chosen["new"])
    return {name: values[name] for name in ("recall@100", "ndcg@10")}

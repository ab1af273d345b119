"""Train a retriever and let validation choose its epochs, what it asks and its popularity prior; train it again with what was chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.choosing_truth import Choosing, judge_choice
from pipelines.part_choice import choose_parts
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.passed_over import PassedOver
from recsys.data.sequences import SHARE_IN_ORDER
from recsys.data.tensors import ItemBatch
from recsys.models.ensemble import Ensemble
from recsys.models.retriever import SavedRetriever
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.ensemble import EnsembleTraining, train_ensemble
from recsys.training.inputs import known_items, known_values, tower_shape
from recsys.training.parts import fit_parts, give_parts
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
    part_weights: Mapping[str, float]
    """Further part of the score -> its weight, above 0; see `choose_parts`."""
    prior: Prior

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Chosen":
        """Out of the description of a retriever or the facts of its table, which say more."""
        prior = Prior(**values["prior"])
        return Chosen(epochs=tuple(values["epochs"]), in_order=values["in_order"], part_weights=values["part_weights"], prior=prior)


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
    """Train; Recall@100 chooses the epoch of each member, then `choose_reading` what all are asked, `choose_parts` what further parts of
    the score count, and `choose_prior` the popularity prior.

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
    model = training.model
    model.in_order = SHARE_IN_ORDER[config.order]
    if config.order == "both":
        scorer = TwoTowerScorer(model, training.item_vectors, config.history_length, attributes)

        def asking(share: float) -> dict[str, npt.NDArray[np.float64]]:
            model.in_order = share
            return judge_choice(scorer.for_users(question.past, question.rows), question)

        model.in_order = choose_reading(asking)
    part_weights, vectors = choose_parts(training, items, truth.past, question, config)
    users = TwoTowerScorer(model, vectors, config.history_length, attributes).for_users(question.past, question.rows)
    popularity = {days: Prior(half_life_days=days).log_popularity(question.past, items, now=now) for days in HALF_LIVES_DAYS}
    strangers = question.past.without_events(question.rows)

    def weighing(days: float, weights: float | npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
        return judge_choice(users.weighing(popularity[days], weights), question)

    prior = choose_prior(weighing, strangers=strangers)
    validation = weighing(prior.half_life_days, np.where(strangers, prior.strangers_weight, prior.weight))
    told = {name: float(np.nanmean(values)) for name, values in validation.items()}
    chosen = Chosen(epochs=training.epochs, in_order=model.in_order, part_weights=part_weights, prior=prior)
    return _saved(training, vectors, items, config, chosen=chosen, past=question.past, now=now, validation=told)


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
    training.model.in_order = chosen.in_order
    fitted = fit_parts(training.model, items, past, names=chosen.part_weights, seed=config.seed)
    vectors = give_parts(training.model, training.item_vectors, fitted, chosen.part_weights)
    return _saved(training, vectors, items, config, chosen=chosen, past=past, now=now, validation={})


def _saved(
    training: EnsembleTraining,
    vectors: npt.NDArray[np.float32],
    items: Items,
    config: RetrieverConfig,
    *,
    chosen: Chosen,
    past: Interactions,
    now: datetime,
    validation: dict[str, float],
) -> SavedRetriever:
    weights = (chosen.prior.weight, chosen.prior.strangers_weight)
    training.model.popularity_weights = weights
    vectors[:, -1] = chosen.prior.log_popularity(past, items, now=now)
    told = {**asdict(chosen), "members": training.members, "validation": validation}
    if training.id_collisions:
        told["id_collisions"] = asdict(training.id_collisions)
    if config.use_item_id and config.min_item_events > 1:
        has_id = known_items(past, config)[np.unique(past.item_index)]
        told["rare_items"] = {"items": len(has_id), "without_id": int((~has_id).sum()), "min_item_events": config.min_item_events}
    towers = tower_shape(items, config, known_values(past, config))
    shape = replace(towers, in_order=chosen.in_order, popularity_weights=weights, parts=training.model.parts)
    return SavedRetriever(model=training.model, shape=shape, item_vectors=vectors, training=told)

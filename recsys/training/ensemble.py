"""The trainings of an ensemble: each member as a single two-tower of its seed is trained, one after another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.passed_over import PassedOver
from recsys.data.shared_rows import Collisions
from recsys.models.ensemble import Ensemble, side_by_side
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.inputs import id_collisions
from recsys.training.retriever import AfterEpoch, Track, Validate, train_retriever


@dataclass(frozen=True, kw_only=True)
class EnsembleTraining:
    """What came out of the trainings."""

    model: Ensemble
    item_vectors: npt.NDArray[np.float32]
    """(items, dim + BEHIND), without popularity; see `Ensemble.user_vectors`."""
    epochs: tuple[int, ...]
    """The chosen one of each member."""
    members: list[dict[str, Any]]
    """Of each member `seed`, `history` and `temperature`."""
    id_collisions: Collisions | None
    """How crowded the id table is; of each member alike."""


def train_ensemble(
    items: Items,
    past: Interactions,
    config: RetrieverConfig,
    *,
    epochs: Sequence[int],
    validate: Validate | None,
    scratch: Path,
    track: Track,
    after_epoch: AfterEpoch | None = None,
    passed_over: PassedOver | None = None,
) -> EnsembleTraining:
    """Train `config.ensemble` two-towers, from `config.seed` up; a killed one goes on, and what was finished before it is only read back.

    Args:
        items: See `train_retriever`.
        past: See `train_retriever`.
        config: See `train_retriever`.
        epochs: Of each member: at most this many with `validate`, exactly as many without.
        validate: See `train_retriever`; every member chooses its own epoch.
        scratch: A folder in it for each member.
        track: Shows progress.
        after_epoch: See `train_retriever`; after an epoch of any member it is told the history of the first one, by which all are measured.
        passed_over: See `train_retriever`.

    Raises:
        ValueError: There is nothing to learn from, or `epochs` are not those of so many members.
    """
    models: list[TwoTower] = []
    vectors, chosen, told = [], [], list[dict[str, Any]]()
    for number, most in zip(range(config.ensemble), epochs, strict=True):
        member = replace(config, seed=config.seed + number, ensemble=1)
        training = train_retriever(
            items,
            past,
            member,
            epochs=most,
            validate=validate,
            scratch=scratch / f"member-{number}",
            track=_named(track, f"member {number + 1} of {config.ensemble}, ") if config.ensemble > 1 else track,
            after_epoch=_telling(after_epoch, told[0]["history"]) if after_epoch and told else after_epoch,
            passed_over=passed_over,
        )
        models.append(training.model)
        chosen.append(training.epochs)
        vectors.append(torch.from_numpy(embed_catalogue(training.model, training.items, np.zeros(len(items)))))
        told.append({"seed": member.seed, "history": training.history, "temperature": float(training.model.temperature.detach())})
    return EnsembleTraining(
        model=Ensemble(models),
        item_vectors=side_by_side(vectors).numpy(),
        epochs=tuple(chosen),
        members=told,
        id_collisions=id_collisions(items, past, config),
    )


def _named(track: Track, name: str) -> Track:
    def named(batches: Iterable[Any], *, what: str, total: int | None = None) -> Iterable[Any]:
        return track(batches, what=name + what, total=total)

    return named


def _telling(after_epoch: AfterEpoch, history: Sequence[Mapping[str, float]]) -> AfterEpoch:
    return lambda _own: after_epoch(history)

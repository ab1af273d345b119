"""What ranks do but the first: train what it trains, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recsys.data.tensors import ItemBatch
from recsys.models.two_tower import TwoTower
from recsys.training.assignment import next_assignment
from recsys.training.ranks import GivenUpError, Ranks
from recsys.training.retriever import train_retriever


def follow(ranks: Ranks) -> None:
    """Take part in every training of the first rank until it dismisses the others."""
    while (assignment := next_assignment(ranks)) is not None:
        if assignment.config.threads:
            torch.set_num_threads(assignment.config.threads)
        try:
            train_retriever(
                assignment.items,
                assignment.past,
                assignment.config,
                epochs=assignment.epochs,
                validate=_validate if assignment.validated else None,
                scratch=assignment.scratch,
                track=_silent,
                after_epoch=_after_epoch if assignment.watched else None,
                passed_over=assignment.passed_over,
            )
        except GivenUpError:
            continue


def _silent(batches: Iterable[Any], **_told: Any) -> Iterable[Any]:
    return batches


def _validate(_model: TwoTower, _items: ItemBatch) -> npt.NDArray[np.float64]:
    raise AssertionError("only the first rank validates")


def _after_epoch(_history: Sequence[Mapping[str, float]]) -> None:
    raise AssertionError("only the first rank is watched")

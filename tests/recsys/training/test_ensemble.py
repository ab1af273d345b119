"""Members are trained as single two-towers are, and none of them twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.ensemble import EnsembleTraining, train_ensemble
from recsys.training.retriever import Training, train_retriever
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_interactions, taste_items

TWO = replace(SMALL, ensemble=2, dropout=0.2, seed=7)


class _KilledError(Exception):
    pass


class _Bars:
    """Notes what each bar says; dies once, at the bar that says so."""

    def __init__(self, *, dies_at: str = "") -> None:
        self.said: list[str] = []
        self._dies_at = dies_at

    def __call__(self, batches: Iterable[Any], *, what: str, total: int | None = None) -> Iterable[Any]:
        assert total
        self.said.append(what)
        if what == self._dies_at and self.said.count(what) == 1:
            raise _KilledError
        return batches


def trained(scratch: Path, config: RetrieverConfig = TWO, **changes: Any) -> EnsembleTraining:
    settings = {"epochs": [2] * config.ensemble, "validate": None, "track": _Bars()} | changes
    return train_ensemble(taste_items(), taste_interactions(), config, scratch=scratch, **settings)


def single(scratch: Path, seed: int) -> Training:
    config = replace(TWO, ensemble=1, seed=seed)
    return train_retriever(taste_items(), taste_interactions(), config, epochs=2, validate=None, scratch=scratch, track=_Bars())


def same(first: TwoTower, second: TwoTower) -> bool:
    weights, others = first.state_dict(), second.state_dict()
    return all(torch.equal(weights[name], others[name]) for name in weights)


def test_each_member_is_what_a_single_training_of_its_seed_gives(tmp_path: Path) -> None:
    training = trained(tmp_path / "both")
    assert [one["seed"] for one in training.members] == [7, 8]
    alone = [single(tmp_path / str(seed), seed) for seed in (7, 8)]
    assert [same(one, other.model) for one, other in zip(training.model.members, alone, strict=True)] == [True, True]


def test_an_ensemble_of_one_is_the_single_training_to_the_last_bit(tmp_path: Path) -> None:
    bars = _Bars()
    training, alone = trained(tmp_path / "one", replace(TWO, ensemble=1), track=bars), single(tmp_path / "alone", 7)
    assert bars.said == ["epoch 1", "epoch 2"]
    assert same(training.model.members[0], alone.model)
    assert np.array_equal(training.item_vectors, embed_catalogue(alone.model, alone.items, np.zeros(NUM_ITEMS)))


def test_killed_in_the_second_member_it_goes_on_there_to_the_same_weights(tmp_path: Path) -> None:
    bars = _Bars(dies_at="member 2 of 2, epoch 2")
    with pytest.raises(_KilledError):
        trained(tmp_path / "killed", track=bars)
    resumed = trained(tmp_path / "killed", track=bars)
    assert bars.said == [*(f"member {one} of 2, epoch {epoch}" for one in (1, 2) for epoch in (1, 2)), "member 2 of 2, epoch 2"]
    undisturbed = trained(tmp_path / "whole")
    assert [same(*pair) for pair in zip(resumed.model.members, undisturbed.model.members, strict=True)] == [True, True]


def test_each_member_is_trained_for_its_own_epochs(tmp_path: Path) -> None:
    training = trained(tmp_path, epochs=[2, 1])
    assert training.epochs == (2, 1)
    assert [len(one["history"]) for one in training.members] == [2, 1]


def test_whoever_may_give_a_training_up_is_told_of_the_first_member_whichever_is_trained(tmp_path: Path) -> None:
    told: list[list[float]] = []

    def after_epoch(history: Sequence[Mapping[str, float]]) -> None:
        told.append([epoch["loss"] for epoch in history])

    first, second = (one["history"] for one in trained(tmp_path, after_epoch=after_epoch).members)
    losses = [epoch["loss"] for epoch in first]
    assert losses != [epoch["loss"] for epoch in second]
    assert told == [losses[:1], losses, losses, losses]

"""The retriever learns a world whose right answer is known."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from recsys.data.knowledge import build_relations
from recsys.data.sequences import SHARE_IN_ORDER
from recsys.data.tensors import ItemBatch
from recsys.layers.fusion import FUSIONS
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.inputs import known_values
from recsys.training.retriever import Training, Validate, train_retriever
from tests.support.behaviour import day, interactions_of, items_of
from tests.support.taste_world import (
    NUM_ITEMS,
    NUM_NEW,
    SEEING,
    SMALL,
    seeing_items,
    taste_interactions,
    taste_items,
    taste_passed_over,
    told_interactions,
)

MET, NEW = np.arange(NUM_ITEMS - NUM_NEW), np.arange(NUM_ITEMS - NUM_NEW, NUM_ITEMS)


def _track(batches, *, what: str, total: int | None = None):  # type: ignore[no-untyped-def]
    assert what.startswith("epoch")
    assert total
    return batches


def _train(scratch: Path, config: RetrieverConfig = SMALL, **changes) -> Training:  # type: ignore[no-untyped-def]
    settings = {"epochs": config.epochs, "validate": None, "passed_over": taste_passed_over()} | changes
    return train_retriever(taste_items(), taste_interactions(), config, scratch=scratch, track=_track, **settings)


def _share_of_own_kind(training: Training, config: RetrieverConfig, among: np.ndarray) -> float:
    """How often the best of these items is of the user's own kind."""
    past = taste_interactions()
    vectors = embed_catalogue(training.model, training.items, np.zeros(NUM_ITEMS))
    model = Ensemble([training.model], in_order=SHARE_IN_ORDER[config.order])
    scores = TwoTowerScorer(model, vectors, config.history_length).scores(past, np.arange(past.num_users))
    best = among[scores[:, among].argmax(axis=1)]
    return float((best % 2 == np.arange(past.num_users) % 2).mean())


ORDERS = [("free", "attention"), ("time", "attention")]
HSTU = {"block_kind": "hstu"}


@pytest.mark.parametrize(("order", "fusion"), [*ORDERS, *(("both", kind) for kind in sorted(FUSIONS))])
def test_even_users_are_shown_even_items(tmp_path: Path, order: str, fusion: str) -> None:
    config = replace(SMALL, order=order, fusion=fusion)
    assert _share_of_own_kind(_train(tmp_path, config), config, MET) > 0.95


@pytest.mark.parametrize("order", ["free", "time"])
def test_what_is_known_of_strangers_says_what_they_are_shown(tmp_path: Path, order: str) -> None:
    past, config = told_interactions(), replace(SMALL, order=order, user_attributes=("side",))
    training = train_retriever(taste_items(), past, config, epochs=config.epochs, validate=None, scratch=tmp_path, track=_track)
    vectors = embed_catalogue(training.model, training.items, np.zeros(NUM_ITEMS))
    model = Ensemble([training.model], in_order=SHARE_IN_ORDER[order])
    scorer = TwoTowerScorer(model, vectors, config.history_length, known_values(past, config))
    even, odd, nobody = scorer.scores(past, np.append(past.rows_of(np.array(["even stranger", "odd stranger"], object)), -1))
    for scores, own in ((even, 0), (odd, 1)):
        assert scores[own:20:2].min() > scores[1 - own : 20 : 2].max() + 1
    assert abs(nobody[0:20:2].mean() - nobody[1:20:2].mean()) < 1


def test_attributes_that_the_settings_do_not_name_change_no_number(tmp_path: Path) -> None:
    plain, told = (
        train_retriever(taste_items(), past, SMALL, epochs=1, validate=None, scratch=tmp_path / name, track=_track).model.state_dict()
        for name, past in (("plain", taste_interactions()), ("told", told_interactions().asked(np.arange(2, 62))))
    )
    assert plain.keys() == told.keys()
    assert all(torch.equal(plain[name], told[name]) for name in plain)


def test_new_items_find_their_place_by_content_alone(tmp_path: Path) -> None:
    assert _share_of_own_kind(_train(tmp_path), SMALL, NEW) > 0.95


def test_new_items_find_their_place_by_their_entities_alone(tmp_path: Path) -> None:
    ids = taste_items().vocabulary.item_ids
    triples = pl.DataFrame({"item_id": ids, "relation": "kind", "entity": ["even" if item % 2 == 0 else "odd" for item in range(len(ids))]})
    items = replace(taste_items(), knowledge=build_relations(taste_items().vocabulary, triples))
    config = replace(SMALL, modalities=("knowledge",))
    training = train_retriever(items, taste_interactions(), config, epochs=15, validate=None, scratch=tmp_path, track=_track)
    assert _share_of_own_kind(training, config, NEW) > 0.95


def test_without_content_new_items_are_all_alike(tmp_path: Path) -> None:
    config = replace(SMALL, modalities=())
    training = _train(tmp_path, config)
    vectors = embed_catalogue(training.model, training.items, np.zeros(NUM_ITEMS))
    np.testing.assert_allclose(vectors[NEW], np.tile(vectors[NEW[0]], (NUM_NEW, 1)), atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"id_rows": 40}, {"memory_items": 60, "hard_negatives": 2, "passed_over_negatives": 2}])
def test_a_large_catalogue_learns_from_samples_in_a_fused_table(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = replace(SMALL, full_softmax_items=1, uniform_negatives=8, epochs=25, **changes)
    training = _train(tmp_path, config)
    assert type(training.model.item_tower.ids).__name__ == "FusedIdTable"
    assert _share_of_own_kind(training, config, MET) > 0.95


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(tmp_path: Path) -> None:
    first, again = (_train(tmp_path / name, epochs=2).model.state_dict() for name in ("a", "b"))
    other = _train(tmp_path / "c", replace(SMALL, seed=1), epochs=2).model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["user_tower.start.weight"], other["user_tower.start.weight"])


def test_training_leaves_the_callers_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _train(tmp_path, epochs=1)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("order", ["free", "time"])
def test_hstu_blocks_show_even_users_even_items(tmp_path: Path, order: str) -> None:
    config = replace(SMALL, order=order, **HSTU)
    assert _share_of_own_kind(_train(tmp_path, config), config, MET) > 0.95


@pytest.mark.parametrize("changes", [{"adversarial": 0.2}, {"precision": "bf16"}, {"accumulate": 2, "schedule": "cosine"}])
def test_other_ways_to_step_learn_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = replace(SMALL, min_item_events=15, **changes)  # some items are met, but have no id
    assert _share_of_own_kind(_train(tmp_path, config), config, MET) > 0.95


def test_two_halves_of_a_batch_make_the_step_of_the_whole(tmp_path: Path) -> None:
    """All pieces are as long as the others, and every item is a candidate in both."""
    whole = replace(SMALL, order="time", tokens_per_batch=300, cold_every=0)
    weights = []
    for name, config in (("whole", whole), ("halves", replace(whole, tokens_per_batch=150, accumulate=2))):
        weights.append(_train(tmp_path / name, config, epochs=1).model.state_dict())
    told = [name for name in weights[0] if "to_query_key_value" not in name]  # a key's bias changes nothing: Adam blows up its noise
    for name in told:
        torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-5, rtol=0)


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("full_softmax_items", [100, 1])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alignment": {"matching": 0.1}, "alignment_weights": "learned"},
        {"memory_items": 60, "positive_correction": "yi"},
        {"hard_negatives": 2, "passed_over_negatives": 1},
        {"accumulate": 3, "schedule": "cosine", "adversarial": 0.1, "precision": "bf16"},
        {**HSTU, "precision": "fp16", "id_rows": 10},
    ],
    ids=lambda changes: "_".join(changes) or "plain",
)
def test_a_training_killed_between_epochs_ends_with_the_same_weights(
    tmp_path: Path, full_softmax_items: int, changes: dict[str, Any]
) -> None:
    config = replace(SEEING, full_softmax_items=full_softmax_items, uniform_negatives=8, **changes)
    items = seeing_items()
    calls = []

    def killed_in_the_third_epoch(batches, *, what: str, total: int | None = None):  # type: ignore[no-untyped-def]
        calls.append(what)
        if what == "epoch 3" and calls.count(what) == 1:
            raise _KilledError
        return batches

    settings: dict[str, Any] = {"epochs": 4, "validate": None, "passed_over": taste_passed_over()}
    settings |= {"scratch": tmp_path / "killed", "track": killed_in_the_third_epoch}
    with pytest.raises(_KilledError):
        train_retriever(items, taste_interactions(), config, **settings)
    resumed = train_retriever(items, taste_interactions(), config, **settings).model.state_dict()
    whole = {**settings, "scratch": tmp_path / "whole", "track": _track}
    undisturbed = train_retriever(items, taste_interactions(), config, **whole).model.state_dict()
    assert calls == ["epoch 1", "epoch 2", "epoch 3", "epoch 3", "epoch 4"]
    assert all(torch.equal(resumed[name], undisturbed[name]) for name in undisturbed)


def _partners_found(training: Training) -> float:
    """How often, of all items, the text that is nearest to a photo in the tower is its own."""
    with torch.no_grad():
        tokens = training.model.item_tower.content_tokens(training.items)
    image, text = (torch.nn.functional.normalize(tokens[name], dim=1) for name in ("image", "text"))
    return float(((image @ text.T).argmax(dim=1) == torch.arange(NUM_ITEMS)).float().mean())


@pytest.mark.parametrize("weights", ["fixed", "learned"])
def test_modalities_that_are_aligned_say_the_same_and_users_are_served_as_well(tmp_path: Path, weights: str) -> None:
    def trained(name: str, **changes: Any) -> Training:
        config = replace(SEEING, **changes)
        track = {"scratch": tmp_path / name, "track": _track}
        return train_retriever(seeing_items(), taste_interactions(), config, epochs=15, validate=None, **track)

    aligned = trained("aligned", alignment={"contrastive": 0.3}, alignment_weights=weights)
    assert _partners_found(aligned) > _partners_found(trained("apart")) + 0.3
    assert _share_of_own_kind(aligned, SEEING, MET) > 0.95


def _validating(users: list[tuple[float, float]], seen: list[torch.Tensor]) -> Validate:
    """What two users find after each epoch, and a third of whom nothing can be told."""
    given = iter(users)

    def validate(model: TwoTower, items: ItemBatch) -> np.ndarray:
        assert len(items) == NUM_ITEMS
        seen.append(model.user_tower.start.weight.detach().clone())
        return np.array([*next(given), np.nan])

    return validate


def test_training_stops_when_validation_no_longer_improves_and_keeps_the_best(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    users = [(0.1, 0.1), (0.5, 0.5), (0.4, 0.4), (0.3, 0.3), (0.2, 0.2), (0.9, 0.9)]
    training = _train(tmp_path, replace(SMALL, patience=3), validate=_validating(users, seen))
    assert [entry["recall_at_100"] for entry in training.history] == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert training.epochs == 2
    assert torch.equal(training.model.user_tower.start.weight, seen[1])


def test_of_epochs_that_validation_cannot_tell_apart_the_last_is_kept(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    users = [(0.1, 0.1), (0.5, 0.5), (0.6, 0.3), (0.3, 0.65), (0.4, 0.4), (0.9, 0.9)]
    training = _train(tmp_path, replace(SMALL, patience=3), validate=_validating(users, seen))
    assert training.epochs == 4
    assert torch.equal(training.model.user_tower.start.weight, seen[3])


def test_without_patience_all_epochs_are_trained_and_the_last_is_taken(tmp_path: Path) -> None:
    users = [(0.5, 0.5), (0.4, 0.4), (0.3, 0.3), (0.2, 0.2)]
    training = _train(tmp_path, replace(SMALL, patience=0), epochs=4, validate=_validating(users, []))
    assert training.epochs == 4


@pytest.mark.parametrize("changes", [{}, HSTU])
def test_every_parameter_that_takes_part_is_moved_by_training(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = replace(SMALL, **changes)
    untrained, trained = (_train(tmp_path / str(epochs), config, epochs=epochs).model.state_dict() for epochs in (0, 3))
    still = {name for name in trained if torch.equal(trained[name], untrained[name])}
    buffers = {f"item_tower.whitening.text.{name}" for name in ("mean", "projection", "scale")}
    assert still == buffers | {"imagined_item.absent", "item_tower.absent"} & still


@pytest.mark.parametrize("full_softmax_items", [100, 1])
def test_an_item_is_not_held_back_by_the_days_before_it_was_on_offer(tmp_path: Path, full_softmax_items: int) -> None:
    random = np.random.default_rng(0)
    when = random.uniform(0, 100, 4000)
    item = np.where((when >= 90) & (random.random(4000) < 0.25), 3, random.integers(0, 3, 4000))  # from day 90 on, four items as often each
    rows = [(f"u{number // 4:04d}", int(i), float(t)) for number, (i, t) in enumerate(zip(item, when, strict=True))]
    past = interactions_of(rows, num_items=4)
    config = replace(SMALL, order="free", modalities=(), full_softmax_items=full_softmax_items, epochs=6, cold_every=0)
    config = replace(config, mask_own_choices=False)  # of four items, a user's own are most of the catalogue

    def lead_of_the_young(born: dict[int, datetime]) -> float:
        scratch = tmp_path / f"{len(born)}"
        training = train_retriever(items_of(4, born=born), past, config, epochs=6, validate=None, scratch=scratch, track=_track)
        vectors = embed_catalogue(training.model, training.items, np.zeros(4))
        nobody = interactions_of([], num_items=4)
        scores = TwoTowerScorer(Ensemble([training.model]), vectors, config.history_length).scores(nobody, np.array([-1]))[0]
        return float(scores[3] - scores[:3].mean())

    assert abs(lead_of_the_young({3: day(90)})) < 0.5
    assert lead_of_the_young({}) < -1.5  # a tenth of the days: log(1 / 10) = -2.3


def test_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    nothing = taste_interactions().keep(np.zeros(300, bool))
    with pytest.raises(ValueError, match="no event to train the retriever on"):
        train_retriever(taste_items(), nothing, SMALL, epochs=1, validate=None, scratch=tmp_path, track=_track)


def test_a_modality_that_was_not_encoded_takes_no_part(tmp_path: Path) -> None:
    training = _train(tmp_path, replace(SMALL, modalities=("image", "text")), epochs=1)
    assert training.model.item_tower.modalities == ("text",)

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from recsys.data.item_to_item import BEHIND, LIKENESS, LINEAR
from recsys.data.relevance import NUM_KINDS, Kind
from recsys.data.tensors import item_batch
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble
from recsys.models.export import export_item_tower, export_user_tower
from recsys.models.retriever import SavedRetriever, load_retriever, save_retriever
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.inputs import tower_shape
from recsys.training.linear_part import linear_columns
from recsys.training.parts import FittedPart, fit_parts, give_parts
from tests.support.taste_world import NUM_ITEMS, NUM_NEW, SMALL, taste_interactions, taste_items

SHAPE = tower_shape(taste_items(), SMALL)
ROWS = np.array([3, -1, 8])
NEW = np.arange(NUM_ITEMS) >= NUM_ITEMS - NUM_NEW


def untrained(*, use_item_id: bool = True) -> tuple[Ensemble, npt.NDArray[np.float32]]:
    torch.manual_seed(0)
    model = build_towers(replace(SHAPE, use_item_id=use_item_id)).eval().requires_grad_(False)
    model.item_tower.fit_whitening(taste_items())
    batch = item_batch(taste_items(), has_id=~NEW, modalities=SHAPE.modalities)
    vectors = embed_catalogue(model, model.item_tower.prepare(batch), np.zeros(NUM_ITEMS))
    return Ensemble([model], in_order=SHAPE.in_order), vectors


def scores(model: Ensemble, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return TwoTowerScorer(model, vectors, SHAPE.history_length).scores(taste_interactions(), ROWS)


def fitted(model: Ensemble, weights: dict[str, float]) -> list[FittedPart]:
    return fit_parts(model, taste_items(), taste_interactions(), names=weights, seed=0)


def given(weights: dict[str, float]) -> tuple[Ensemble, npt.NDArray[np.float32]]:
    model, vectors = untrained()
    return model, give_parts(model, vectors, fitted(model, weights), weights)


def test_the_linear_part_adds_what_the_log_says_of_pairs() -> None:
    past, worth = taste_interactions(), tuple(float(kind == Kind.LIKED) for kind in range(NUM_KINDS))
    columns = linear_columns(past, kind_worth=worth, seed=0)
    assert columns is not None
    history = past.matrix()[np.maximum(ROWS, 0)].toarray() * (ROWS >= 0)[:, None]
    said = history @ (columns[:, :-1] * columns[:, -1:]) @ columns[:, :-1].T / np.sqrt(5)
    difference = scores(*given({LINEAR: 2.0})) - scores(*untrained())
    np.testing.assert_allclose(difference, 2 * said, atol=1e-4)
    assert np.abs(difference[:, ~NEW]).max() > 0.1
    assert np.abs(difference[:, NEW]).max() < 1e-5


def test_likeness_speaks_for_new_items_and_less_the_more_users_have_met_one() -> None:
    difference = scores(*given({LIKENESS: 2.0})) - scores(*untrained())
    odd, even = (np.arange(NUM_ITEMS) % 2 == parity for parity in (1, 0))
    assert difference[0, NEW & odd].min() > 1 > -1 > difference[0, NEW & even].max()  # user 3 likes odd items, user 8 even ones
    assert difference[2, NEW & even].min() > 1 > -1 > difference[2, NEW & odd].max()
    assert np.abs(difference[1]).max() < 1e-5  # nothing is known of a stranger
    met = np.bincount(taste_interactions().item_index, minlength=NUM_ITEMS)
    assert (np.abs(difference[[0, 2]]) <= 2 * np.sqrt(5) / (1 + met)).all()


def test_an_item_added_later_has_what_the_night_would_have_given_it() -> None:
    model, vectors = given({LINEAR: 0.5, LIKENESS: 2.0})
    batch = item_batch(taste_items(), has_id=~NEW, modalities=SHAPE.modalities).select(torch.from_numpy(np.flatnonzero(NEW)))
    np.testing.assert_allclose(model.new_item_vectors(batch).numpy(), vectors[NEW], atol=1e-5)


@pytest.mark.parametrize("weights", [{LINEAR: 0.5}, {LIKENESS: 2.0}, {LINEAR: 0.5, LIKENESS: 2.0}], ids=["linear", "likeness", "both"])
def test_parts_are_saved_and_come_back(weights: dict[str, float], tmp_path: Path) -> None:
    model, vectors = given(weights)
    assert {part.name: part.weight for part in model.parts} == weights
    assert vectors.shape[1] == model.towers.stop + sum(part.size for part in model.parts) + BEHIND
    save_retriever(tmp_path, SavedRetriever(model=model, shape=replace(SHAPE, parts=model.parts), item_vectors=vectors, training={}))
    loaded = load_retriever(tmp_path)
    assert np.array_equal(loaded.scorer().scores(taste_interactions(), ROWS), scores(model, vectors))
    batch = item_batch(taste_items(), has_id=~NEW, modalities=SHAPE.modalities)
    assert torch.equal(loaded.model.new_item_vectors(batch), model.new_item_vectors(batch))


def test_the_graph_of_items_makes_their_parts_and_that_of_users_knows_of_none(tmp_path: Path) -> None:
    model, _ = given({LINEAR: 0.5, LIKENESS: 2.0})
    assert export_user_tower(model, tmp_path / "user_tower.onnx", history_length=SHAPE.history_length) < 1e-5
    assert export_item_tower(model, tmp_path / "item_tower.onnx", content_dims=SHAPE.content_dims) < 1e-5


def test_parts_that_nobody_asks_for_change_nothing() -> None:
    model, vectors = untrained()
    both = {LINEAR: 1.0, LIKENESS: 1.0}
    parts = fitted(model, both)
    give_parts(model, vectors, parts, both)
    assert np.array_equal(give_parts(model, vectors, parts, {}), vectors)
    assert model.parts == ()
    assert model.likeness is None


def test_a_model_without_ids_does_not_get_them_by_the_linear_part() -> None:
    model, _ = untrained(use_item_id=False)
    assert fitted(model, {LINEAR: 1.0}) == []


def test_an_index_does_not_see_how_long_an_item_is_when_it_is_read() -> None:
    weights = {LINEAR: 0.5, LIKENESS: 2.0}
    model, vectors = given(weights)
    saved = SavedRetriever(model=model, shape=replace(SHAPE, parts=model.parts), item_vectors=vectors, training={})
    users = saved.scorer().user_vectors(taste_interactions(), ROWS)
    np.testing.assert_allclose(users @ saved.indexed_vectors().T, users @ vectors.T, atol=1e-5)
    assert vectors.max() > 10 > np.abs(saved.indexed_vectors()).max()

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from recsys.data.tensors import ItemBatch, item_batch
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble, side_by_side
from recsys.models.export import export_item_tower, export_user_tower
from recsys.models.retriever import SavedRetriever, load_retriever, save_retriever
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.inputs import tower_shape
from tests.support.behaviour import interactions_of
from tests.support.taste_world import NUM_ITEMS, NUM_NEW, SMALL, taste_interactions, taste_items

SHAPE = tower_shape(taste_items(), replace(SMALL, ensemble=2))
ROWS = np.array([3, -1, 8])


def member(seed: int) -> TwoTower:
    """Nothing about it is as in a member of another seed: weights, biases, temperature, what content is worth."""
    torch.manual_seed(seed)
    model = build_towers(SHAPE).eval().requires_grad_(False)
    model.item_tower.fit_whitening(taste_items())
    model.item_tower.weigh_content({"text": torch.tensor([1.0 + seed])})
    model.item_bias.weight.normal_()
    model.log_temperature.fill_(0.5 - seed)
    return model


def items() -> ItemBatch:
    return item_batch(taste_items(), has_id=np.arange(NUM_ITEMS) < NUM_ITEMS - NUM_NEW, modalities=SHAPE.modalities)


def catalogue(model: TwoTower) -> npt.NDArray[np.float32]:
    return embed_catalogue(model, model.item_tower.prepare(items()), np.zeros(NUM_ITEMS))


@pytest.fixture
def two() -> SavedRetriever:
    members = [member(0), member(1)]
    vectors = side_by_side([torch.from_numpy(catalogue(one)) for one in members]).numpy()
    return SavedRetriever(model=Ensemble(members, in_order=SHAPE.in_order), shape=SHAPE, item_vectors=vectors, training={})


def test_a_score_is_the_mean_of_the_members_scores(two: SavedRetriever) -> None:
    alone = [
        TwoTowerScorer(Ensemble([one], in_order=SHAPE.in_order), catalogue(one), SHAPE.history_length).scores(taste_interactions(), ROWS)
        for one in two.model.members
    ]
    assert np.abs(alone[0] - alone[1]).max() > 1
    np.testing.assert_allclose(two.scorer().scores(taste_interactions(), ROWS), (alone[0] + alone[1]) / 2, atol=1e-5)


def test_vectors_of_an_ensemble_of_one_are_those_of_its_member_to_the_last_bit() -> None:
    vectors = catalogue(member(0))
    assert np.array_equal(side_by_side([torch.from_numpy(vectors)]).numpy(), vectors)


def test_a_new_item_is_embedded_by_each_member_as_if_nobody_had_met_it(two: SavedRetriever) -> None:
    by_night = two.item_vectors[-NUM_NEW:]
    new = items().select(torch.arange(NUM_ITEMS - NUM_NEW, NUM_ITEMS))
    np.testing.assert_allclose(two.model.new_item_vectors(new).numpy(), by_night, atol=1e-5)


@pytest.mark.parametrize(("in_order", "read"), [(1.0, range(4, 10)), (0.5, [0, 3, 6, 7, 8, 9]), (0.0, [0, 3, 6, 7, 8, 9])])
def test_unless_only_what_comes_next_is_asked_a_long_history_is_read_back_to_its_oldest_event(in_order: float, read: Sequence[int]) -> None:
    whole = interactions_of([("u", item, item) for item in range(10)], num_items=NUM_ITEMS)
    as_read = interactions_of([("u", item, item) for item in read], num_items=NUM_ITEMS)
    scorer = TwoTowerScorer(Ensemble([member(0)], in_order=in_order), catalogue(member(0)), SHAPE.history_length)
    long, short = (scorer.user_vectors(past, np.array([0])) for past in (whole, as_read))
    np.testing.assert_array_equal(long, short)


def test_two_members_are_one_graph_for_users_and_one_for_items(two: SavedRetriever, tmp_path: Path) -> None:
    assert export_user_tower(two.model, tmp_path / "user_tower.onnx", history_length=SHAPE.history_length) < 1e-5
    assert export_item_tower(two.model, tmp_path / "item_tower.onnx", content_dims=SHAPE.content_dims) < 1e-5


def test_all_members_are_saved_and_come_back_to_the_same_numbers(two: SavedRetriever, tmp_path: Path) -> None:
    save_retriever(tmp_path, two)
    loaded = load_retriever(tmp_path)
    expected = two.scorer().scores(taste_interactions(), ROWS)
    assert np.array_equal(loaded.scorer().scores(taste_interactions(), ROWS), expected)

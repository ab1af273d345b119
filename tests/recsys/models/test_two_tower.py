from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch

from recsys.data.knowledge import build_relations
from recsys.data.relevance import Kind
from recsys.data.shared_rows import hashed_rows
from recsys.data.tensors import ItemBatch, item_batch
from recsys.layers.fusion import FUSIONS
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble
from recsys.models.export import export_item_tower, export_user_tower
from recsys.models.retriever import SavedRetriever, load_retriever, load_scorer, save_retriever
from recsys.models.two_tower import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.config import BLOCK_KINDS, BlockKind, RetrieverConfig
from recsys.training.inputs import tower_shape
from tests.support.behaviour import items_of
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_interactions, taste_items

ALL = np.ones(NUM_ITEMS, bool)
STANDING_IN = ("attention", "late_ensemble")
"""Of an item without an id, what is imagined stands in for the whole fused vector, or for the id's block alone."""


@pytest.fixture
def items() -> ItemBatch:
    known = np.ones(NUM_ITEMS, bool)
    known[:3] = False
    return item_batch(taste_items(), has_id=known, modalities=("text", "category"))


def build(config: RetrieverConfig) -> TwoTower:
    torch.manual_seed(0)
    model = build_towers(tower_shape(taste_items(), config)).eval()
    model.item_tower.fit_whitening(taste_items())
    return model


@pytest.fixture
def model() -> TwoTower:
    return build(SMALL)


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_values_of_an_absent_modality_change_nothing(fusion: str, items: ItemBatch) -> None:
    model = build(replace(SMALL, fusion=fusion))
    absent = replace(items, presence={"text": torch.zeros(NUM_ITEMS, dtype=torch.bool), "category": items.presence["category"]})
    other = replace(absent, vectors={"text": torch.randn(NUM_ITEMS, 8)})
    for first, second in zip(
        model.embed_items(model.item_tower.prepare(absent)), model.embed_items(model.item_tower.prepare(other)), strict=True
    ):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("fusion", STANDING_IN)
def test_an_item_without_an_id_does_not_depend_on_its_row(fusion: str, items: ItemBatch) -> None:
    model = build(replace(SMALL, fusion=fusion))
    prepared = model.item_tower.prepare(items)
    moved = replace(prepared, item_index=prepared.item_index.flip(0))
    vectors, biases = model.embed_items(prepared)
    other_vectors, other_biases = model.embed_items(moved)
    torch.testing.assert_close(vectors[:3], other_vectors[:3])
    torch.testing.assert_close(biases[:3], other_biases[:3])
    assert not torch.allclose(vectors[3:], other_vectors[3:])


@pytest.mark.parametrize("fusion", STANDING_IN)
def test_an_item_that_no_table_knows_is_embedded_like_one_without_an_id(fusion: str, items: ItemBatch) -> None:
    model = build(replace(SMALL, fusion=fusion))
    prepared = model.item_tower.prepare(items)
    new = model.embed_new_items(replace(prepared, item_index=torch.full((NUM_ITEMS,), 10**9)))
    for first, second in zip(new, model.embed_items(prepared.without_ids()), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("table", [{}, {"full_softmax_items": 1}], ids=["plain", "long"])
def test_items_that_share_a_row_have_the_same_id_and_biases_of_their_own(table: dict[str, Any]) -> None:
    config = replace(SMALL, modalities=(), match_dim=0, id_rows=5, **table)
    model = build(config)
    model.item_tower.share_rows(taste_items())
    with torch.no_grad():
        model.item_bias.weight.copy_(torch.randn(NUM_ITEMS, 2))
    assert len(model.item_tower.ids.weight) == 5
    vectors, biases = model.embed_items(item_batch(taste_items(), has_id=ALL, modalities=()))
    row = hashed_rows(taste_items().vocabulary.item_ids, rows=5)
    same = (vectors[:, None] == vectors).all(dim=2).numpy()
    np.testing.assert_array_equal(same, row[:, None] == row)
    assert len(torch.unique(biases, dim=0)) == NUM_ITEMS


def test_the_gradient_of_a_shared_row_is_the_sum_over_its_items() -> None:
    model = build(replace(SMALL, id_rows=5, modalities=(), fusion="weighted"))
    model.item_tower.share_rows(taste_items())
    model.item_tower(item_batch(taste_items(), has_id=ALL, modalities=())).sum().backward()
    load = np.bincount(hashed_rows(taste_items().vocabulary.item_ids, rows=5), minlength=5)
    gradient = model.item_tower.ids.weight.grad
    assert gradient is not None
    torch.testing.assert_close(gradient[:, 0], torch.from_numpy(load).float())  # without content the vector is the row: slope 1


def test_in_a_late_ensemble_only_the_block_of_the_id_is_imagined(items: ItemBatch) -> None:
    model = build(replace(SMALL, fusion="late_ensemble"))
    prepared = model.item_tower.prepare(items)
    changed = model.embed_items(prepared)[0][3:] != model.embed_items(prepared.without_ids())[0][3:]  # of items that have an id
    parts = torch.split(changed[:, : SMALL.embedding_dim], list(model.item_tower.parts.values()), dim=1)
    told = {name: bool(part.any()) for name, part in zip(model.item_tower.parts, parts, strict=True)}
    assert told == {"fused.id": True, "fused.text": False, "fused.category": False}


def test_in_a_late_ensemble_what_a_text_says_changes_the_score_of_the_text_alone(items: ItemBatch) -> None:
    model = build(replace(SMALL, fusion="late_ensemble", match_dim=0))
    prepared = model.item_tower.prepare(items)
    other = replace(prepared, vectors={"text": -prepared.vectors["text"]})
    changed = (model.embed_items(prepared)[0] != model.embed_items(other)[0])[3:]
    parts = torch.split(changed, list(model.item_tower.parts.values()), dim=1)
    assert [bool(part.any()) for part in parts] == [False, True, False]


def test_content_counts_in_the_match_as_much_as_it_is_worth(model: TwoTower, items: ItemBatch) -> None:
    (band,) = model.item_tower.bands()["text"]
    text = model.item_tower.match.blocks["text"]
    before = model.item_tower.match(model.item_tower.prepare(items))[:, :text]
    model.item_tower.weigh_content({"text": torch.tensor([5.0])})
    prepared = model.item_tower.prepare(items)
    after = model.item_tower.match(prepared)[:, :text]
    torch.testing.assert_close(after @ after.T, 5 * before @ before.T)
    assert prepared.vectors["text"][:, band].abs().max() < 4  # what the other parts read is still about 1


def test_the_temperature_stays_within_its_bounds(model: TwoTower) -> None:
    for value, bound in ((-100.0, LOWEST_TEMPERATURE), (100.0, HIGHEST_TEMPERATURE)):
        with torch.no_grad():
            model.log_temperature.fill_(value)
        assert model.temperature.item() == pytest.approx(bound)


def test_a_user_without_events_has_a_vector_and_it_is_everybodys(model: TwoTower, items: ItemBatch) -> None:
    vectors = embed_catalogue(model, model.item_tower.prepare(items), np.zeros(NUM_ITEMS))
    users = TwoTowerScorer(Ensemble([model]), vectors, 6).user_vectors(taste_interactions(), np.array([-1, 4, -1]))
    np.testing.assert_allclose(users[0], users[2])
    assert not np.allclose(users[0], users[1])


def test_the_mean_of_two_answers_lies_between_them(model: TwoTower, items: ItemBatch) -> None:
    vectors = embed_catalogue(model, model.item_tower.prepare(items), np.zeros(NUM_ITEMS))
    scorers = [TwoTowerScorer(Ensemble([model], in_order=share), vectors, 6) for share in (0.0, 1.0, 0.5)]
    answers = [scorer.user_vectors(taste_interactions(), np.arange(5)) for scorer in scorers]
    assert not np.allclose(answers[0], answers[1])
    np.testing.assert_allclose(answers[2], (answers[0] + answers[1]) / 2, atol=1e-6)


@pytest.mark.parametrize("kind", BLOCK_KINDS)
def test_only_a_history_in_order_depends_on_its_order(kind: BlockKind) -> None:
    model = build(replace(SMALL, block_kind=kind))
    events = torch.randn(1, 5, model.questions.embedding_dim)
    swapped = events[:, [1, 0, 2, 3, 4]]  # one block of causal attention: the last state sees all events directly
    for in_order in (False, True):
        told = torch.full((1, 5), int(Kind.CLICK)), torch.zeros(1, 5), torch.tensor([in_order])
        last, other = (model.user_tower(history, *told)[:, -1] for history in (events, swapped))
        assert torch.allclose(last, other, atol=1e-5) != in_order


@pytest.mark.parametrize("kind", BLOCK_KINDS)
def test_no_state_depends_on_later_events_or_their_times(kind: BlockKind) -> None:
    model = build(replace(SMALL, block_kind=kind))
    events, kinds, ages = torch.randn(2, 5, model.questions.embedding_dim), torch.full((2, 5), int(Kind.CLICK)), torch.rand(2, 5) * 100
    later, later_kinds, later_ages = events.clone(), kinds.clone(), ages.clone()
    later[:, 3:], later_kinds[:, 3:], later_ages[:, 3:] = 5.0, int(Kind.PURCHASE), 0.0
    in_order = torch.tensor([True, False])
    told, changed = model.user_tower(events, kinds, ages, in_order), model.user_tower(later, later_kinds, later_ages, in_order)
    torch.testing.assert_close(told[:, :4], changed[:, :4])
    assert not torch.allclose(told[:, 4], changed[:, 4])


@pytest.mark.parametrize("kind", BLOCK_KINDS)
def test_scores_do_not_depend_on_who_is_asked_together(kind: BlockKind, items: ItemBatch) -> None:
    model = build(replace(SMALL, block_kind=kind))
    vectors = embed_catalogue(model, model.item_tower.prepare(items), np.zeros(NUM_ITEMS))
    scorer, past = TwoTowerScorer(Ensemble([model]), vectors, 6), taste_interactions()
    together = scorer.scores(past, np.arange(10))
    np.testing.assert_allclose(scorer.scores(past, np.array([7])), together[7:8], atol=1e-5)


def test_known_users_score_as_the_scorer_they_come_from_and_popularity_is_added_at_its_weight(model: TwoTower, items: ItemBatch) -> None:
    vectors = embed_catalogue(model, model.item_tower.prepare(items), np.zeros(NUM_ITEMS))
    scorer, past, rows = TwoTowerScorer(Ensemble([model]), vectors, 6), taste_interactions(), np.array([3, -1, 8])
    popularity, weights = np.arange(NUM_ITEMS, dtype=np.float32), np.array([0.5, 2.0, 0.0])
    known = scorer.for_users(past, rows).weighing(popularity, weights)
    np.testing.assert_allclose(known.scores(past, rows), scorer.scores(past, rows) + weights[:, None] * popularity, atol=1e-4)


def test_popularity_counts_more_for_whom_nothing_is_known_of(model: TwoTower, items: ItemBatch) -> None:
    popularity, rows = np.arange(NUM_ITEMS, dtype=np.float32), np.array([3, -1])
    vectors = embed_catalogue(model, model.item_tower.prepare(items), popularity)
    scores = [
        TwoTowerScorer(Ensemble([model], popularity_weights=weights), vectors, 6).scores(taste_interactions(), rows)
        for weights in ((0.0, 0.0), (0.5, 3.0))
    ]
    np.testing.assert_allclose(scores[1] - scores[0], [0.5 * popularity, 3 * popularity], atol=1e-4)


@pytest.mark.parametrize("changes", [{}, {"block_kind": "hstu", "id_rows": 5}])
def test_what_is_saved_comes_back_to_the_same_numbers(changes: dict[str, Any], items: ItemBatch, tmp_path: Path) -> None:
    model = build(replace(SMALL, **changes))
    model.item_tower.share_rows(taste_items())
    vectors = embed_catalogue(model, model.item_tower.prepare(items), np.zeros(NUM_ITEMS))
    shape = tower_shape(taste_items(), replace(SMALL, **changes))
    ensemble = Ensemble([model], in_order=shape.in_order)
    save_retriever(tmp_path, SavedRetriever(model=ensemble, shape=shape, item_vectors=vectors, training={"epochs": 3}))
    loaded = load_retriever(tmp_path)
    past, rows = taste_interactions(), np.arange(5)
    assert loaded.training == {"epochs": 3}
    prepared = model.item_tower.prepare(items)
    torch.testing.assert_close(loaded.model.members[0].embed_items(prepared)[0], model.embed_items(prepared)[0], rtol=0, atol=0)
    np.testing.assert_array_equal(loaded.scorer().scores(past, rows), TwoTowerScorer(ensemble, vectors, 6).scores(past, rows))
    with pytest.raises(ValueError, match=f"knows {NUM_ITEMS} items, the catalogue has 2"):
        load_scorer(tmp_path, items_of(2))


def test_what_is_saved_keeps_the_order_of_its_modalities(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).normal(size=(NUM_ITEMS, 4)).astype(np.float32)
    catalogue = replace(taste_items(), vectors={**taste_items().vectors, "audio": sound}, presence={**taste_items().presence, "audio": ALL})
    shape = tower_shape(catalogue, replace(SMALL, modalities=("text", "audio")))
    model = build_towers(shape).eval()
    model.item_tower.fit_whitening(catalogue)
    save_retriever(
        tmp_path, SavedRetriever(model=Ensemble([model]), shape=shape, item_vectors=np.zeros((NUM_ITEMS, 1), np.float32), training={})
    )
    new = item_batch(catalogue, has_id=~ALL, modalities=shape.modalities)
    found = [tower.embed_new_items(tower.item_tower.prepare(new))[0] for tower in (model, *load_retriever(tmp_path).model.members)]
    torch.testing.assert_close(found[0], found[1])


def knowing(config: RetrieverConfig) -> tuple[TwoTower, ItemBatch]:
    """A tower and items of which nothing is known but what they are made of: all but the last of one thing, the odd ones of another."""
    rows = [(f"i{item}", "made of", "clay") for item in range(NUM_ITEMS - 1)]
    rows += [(f"i{item}", "glaze/colour", "blue") for item in range(1, NUM_ITEMS, 2)]
    triples = pl.DataFrame(rows, schema=["item_id", "relation", "entity"], orient="row")
    catalogue = replace(items_of(NUM_ITEMS), knowledge=build_relations(taste_items().vocabulary, triples))
    torch.manual_seed(0)
    model = build_towers(tower_shape(catalogue, config)).eval()
    return model, item_batch(catalogue, has_id=ALL, modalities=("knowledge",))


KNOWING = replace(SMALL, modalities=("knowledge",), use_item_id=False)


def test_items_that_share_their_entities_are_alike_where_nothing_else_is_known() -> None:
    model, items = knowing(KNOWING)
    vectors, biases = model.embed_items(items)
    torch.testing.assert_close(vectors[1], vectors[3])
    torch.testing.assert_close(biases[1], biases[3])
    assert not torch.allclose(vectors[0], vectors[1])


def test_every_relation_teaches_its_entities() -> None:
    model, items = knowing(replace(KNOWING, use_item_id=True))
    vectors, biases = model.train().embed_items(replace(items, has_id=items.item_index < NUM_ITEMS // 2))
    (vectors.square().sum() + biases.square().sum()).backward()
    tables = {name: weight for name, weight in model.named_parameters() if "relation_" in name}
    assert len(tables) == 6  # two relations in the fusion, the match and the imagined item
    assert all((weight.grad.abs().sum(dim=1) > 0).all() for weight in tables.values())  # type: ignore[union-attr]


def test_entities_without_presence_change_nothing() -> None:
    model, items = knowing(KNOWING)
    hidden = items.hiding({"knowledge": torch.from_numpy(ALL)})
    nothing = replace(hidden, entities={name: torch.zeros_like(slots) for name, slots in items.entities.items()})
    for first, second in zip(model.embed_items(hidden), model.embed_items(nothing), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("use_item_id", [True, False])
def test_a_tower_with_knowledge_is_saved_and_exported_as_it_is(use_item_id: bool, tmp_path: Path) -> None:
    config = replace(KNOWING, use_item_id=use_item_id)
    model, items = knowing(config)
    shape = replace(tower_shape(taste_items(), config), modalities=("knowledge",), relations=model.item_tower.relations, num_categories=0)
    save_retriever(
        tmp_path, SavedRetriever(model=Ensemble([model]), shape=shape, item_vectors=np.zeros((NUM_ITEMS, 1), np.float32), training={})
    )
    (loaded,) = load_retriever(tmp_path).model.members
    for first, second in zip(model.embed_new_items(items), loaded.embed_new_items(items), strict=True):
        torch.testing.assert_close(first, second)
    assert export_item_tower(Ensemble([loaded]), tmp_path / "item_tower.onnx", content_dims={}) < 1e-5
    graph = onnxruntime.InferenceSession(tmp_path / "item_tower.onnx", providers=["CPUExecutionProvider"])
    assert {"entities.made of", "entities.glaze/colour"} <= {wanted.name for wanted in graph.get_inputs()}


KNOWN = {"age": ("-29", "30-59", "60-"), "side": ("even", "odd")}


def told_towers(*, spread: float) -> TwoTower:
    """A model that reads attributes of users, whose rows are so large."""
    torch.manual_seed(0)
    model = build_towers(tower_shape(taste_items(), SMALL, KNOWN)).eval()
    assert model.user_tower.known is not None
    for table in model.user_tower.known.parameters():
        assert not table.any()
        torch.nn.init.normal_(table, std=spread)
    return model


def asked(model: TwoTower, attributes: list[list[int]] | None) -> np.ndarray:
    """User vectors of three users with the same history."""
    told = None if attributes is None else torch.tensor(attributes)
    events = (torch.randn(1, 4, 16 + model.item_tower.match.dim, generator=torch.Generator().manual_seed(1)), torch.full((1, 4), 3))
    with torch.inference_mode():
        return (
            Ensemble([model]).user_vectors(*(values.expand(3, *values.shape[1:]) for values in (*events, torch.rand(1, 4))), told).numpy()
        )


def test_attributes_begin_by_saying_nothing_and_none_never_says_anything() -> None:
    torch.manual_seed(3)
    before, after = told_towers(spread=0.0), told_towers(spread=1.0)
    torch.manual_seed(4)
    nothing = asked(after, None)
    for model, told in ((before, [[2, 1], [3, 2], [1, 0]]), (after, [[0, 0], [0, 9], [9, 0]])):  # 9 is a value that no tower knows
        torch.manual_seed(4)
        np.testing.assert_array_equal(asked(model, told), nothing)


def test_each_attribute_of_a_user_counts() -> None:
    vectors = asked(told_towers(spread=1.0), [[1, 1], [2, 1], [1, 2]])
    assert np.abs(vectors[0] - vectors[1]).max() > 0.1
    assert np.abs(vectors[0] - vectors[2]).max() > 0.1


def test_a_tower_that_reads_attributes_is_saved_and_exported_as_it_is(tmp_path: Path) -> None:
    model, shape = told_towers(spread=1.0), tower_shape(taste_items(), SMALL, KNOWN)
    save_retriever(
        tmp_path, SavedRetriever(model=Ensemble([model]), shape=shape, item_vectors=np.zeros((NUM_ITEMS, 1), np.float32), training={})
    )
    loaded = load_retriever(tmp_path)
    assert loaded.shape == shape
    assert loaded.scorer().attributes == KNOWN
    assert export_user_tower(loaded.model, tmp_path / "user_tower.onnx", history_length=6) < 1e-5
    graph = onnxruntime.InferenceSession(tmp_path / "user_tower.onnx", providers=["CPUExecutionProvider"])
    assert [wanted.name for wanted in graph.get_inputs()] == ["item_vectors", "kinds", "ages_days", "attributes"]


def test_the_exported_towers_compute_what_the_model_computes(model: TwoTower, tmp_path: Path) -> None:
    for share in (0.0, 0.5, 1.0):
        assert export_user_tower(Ensemble([model], in_order=share), tmp_path / "user_tower.onnx", history_length=6) < 1e-5
    assert export_item_tower(Ensemble([model]), tmp_path / "item_tower.onnx", content_dims={"text": 8}) < 1e-5


def test_a_tower_that_reads_categories_alone_is_exported(tmp_path: Path) -> None:
    model = build(replace(SMALL, modalities=("category",)))
    assert export_item_tower(Ensemble([model]), tmp_path / "item_tower.onnx", content_dims={}) < 1e-5
    graph = onnxruntime.InferenceSession(tmp_path / "item_tower.onnx", providers=["CPUExecutionProvider"])
    assert [wanted.name for wanted in graph.get_inputs()] == ["categories"]


def test_an_exported_tower_of_hstu_blocks_knows_places_and_times(tmp_path: Path) -> None:
    model = build(replace(SMALL, block_kind="hstu"))
    for name, parameter in model.named_parameters():
        if "by_" in name:  # what a bias starts as, 0, would hide what it does
            torch.nn.init.normal_(parameter)
    assert export_user_tower(Ensemble([model], in_order=0.5), tmp_path / "user_tower.onnx", history_length=6) < 1e-5


@pytest.mark.parametrize(("fusion", "use_item_id"), [("late_ensemble", True), *((fusion, False) for fusion in sorted(FUSIONS))])
def test_the_exported_item_tower_fuses_as_the_model_does(fusion: str, use_item_id: bool, tmp_path: Path) -> None:
    model = build(replace(SMALL, fusion=fusion, use_item_id=use_item_id))  # with ids, most fuse nothing for a new item: it is imagined
    assert export_item_tower(Ensemble([model]), tmp_path / "item_tower.onnx", content_dims={"text": 8}) < 1e-5

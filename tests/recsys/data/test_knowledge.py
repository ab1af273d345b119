from dataclasses import replace

import numpy as np
import polars as pl

from recsys.data.knowledge import MAX_ENTITIES, build_relations, entity_slots
from recsys.data.tensors import item_batch
from recsys.vocabulary import Vocabulary
from tests.support.behaviour import items_of

ITEMS = Vocabulary(["i0", "i1", "i2"])
TRIPLES = pl.DataFrame(
    [("i2", "grape", "b"), ("i0", "grape", "b"), ("i0", "grape", "a"), ("i1", "winery", "z"), ("gone", "grape", "c")],
    schema=["item_id", "relation", "entity"],
    orient="row",
)


def test_each_relation_has_its_own_entities_and_one_bag_per_item() -> None:
    relations = build_relations(ITEMS, TRIPLES)
    assert list(relations) == ["grape", "winery"]
    assert relations["grape"].entities == ("a", "b", "c")
    assert relations["grape"].offsets.tolist() == [0, 2, 2, 3]
    assert relations["grape"].index.tolist() == [0, 1, 1]
    assert relations["winery"].offsets.tolist() == [0, 0, 1, 1]


def test_items_as_tensors_have_their_entities_side_by_side() -> None:
    items = replace(items_of(3), knowledge=build_relations(ITEMS, TRIPLES))
    batch = item_batch(items, has_id=np.ones(3, bool), modalities=("knowledge",))
    assert batch.entities["grape"].tolist() == [[1, 2], [0, 0], [2, 0]]
    assert batch.presence["knowledge"].tolist() == [True, True, True]
    assert batch.select(batch.item_index[1:]).entities["winery"].tolist() == [[1], [0]]


def test_entities_that_nobody_has_learned_of_are_left_out() -> None:
    slots = entity_slots({"grape": ["a", "b"], "winery": ["z"]}, {"grape": ["new", "b"], "colour": ["red"]})
    assert {name: found.tolist() for name, found in slots.items()} == {
        "grape": [2] + [0] * (MAX_ENTITIES - 1),
        "winery": [0] * MAX_ENTITIES,
    }

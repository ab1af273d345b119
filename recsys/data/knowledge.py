"""What a knowledge graph says of items, as bags of entities: one bag per item and relation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.vocabulary import Vocabulary

MAX_ENTITIES = 32
"""Entities of an item that count, per relation."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """Entities of every item by one relation, e.g. its grapes."""

    entities: tuple[str, ...]
    offsets: npt.NDArray[np.int64]
    """(items + 1,): entities of item i are index[offsets[i] : offsets[i + 1]]."""
    index: npt.NDArray[np.int64]


def build_relations(items: Vocabulary, knowledge: pl.DataFrame) -> dict[str, Relation]:
    """Relation -> bags, in alphabetical order.

    Args:
        items: The catalogue.
        knowledge: Rows of the table `knowledge`.
    """
    rows = knowledge.sort("relation", "item_id", "entity")
    return {relation: _bags(items, part) for (relation,), part in rows.group_by("relation", maintain_order=True)}


def entity_slots(known: Mapping[str, Sequence[str]], entities: Mapping[str, Sequence[str]]) -> dict[str, npt.NDArray[np.int64]]:
    """Of one item, for each relation (MAX_ENTITIES,): what an item tower reads; entities that nobody has learned of are left out.

    Args:
        known: Relation -> entities in the order of their rows.
        entities: Relation -> entities of the item.
    """
    found = {}
    for relation, names in known.items():
        index = Vocabulary(list(names)).index(list(entities.get(relation, ())))
        slots = index[index >= 0][:MAX_ENTITIES] + 1
        found[relation] = np.pad(slots, (0, MAX_ENTITIES - len(slots)))
    return found


def _bags(items: Vocabulary, rows: pl.DataFrame) -> Relation:
    names = rows["entity"].unique().sort()
    item, entity = items.index(rows["item_id"]), Vocabulary(names.to_list()).index(rows["entity"])
    known = item >= 0
    order = np.argsort(item[known], kind="stable")
    counts = np.bincount(item[known], minlength=len(items))
    return Relation(entities=tuple(names), offsets=np.r_[0, np.cumsum(counts)].astype(np.int64), index=entity[known][order])

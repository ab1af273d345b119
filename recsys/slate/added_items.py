"""Items that came after the night: described by the release's own graph, and laid behind its own items; the index is not touched."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.online.protocol import AddedItem
from feature_store.schema import CATALOGUE, KNOWLEDGE, UTC_TIME
from recsys.data.items import Items, build_items
from recsys.data.knowledge import entity_slots
from recsys.data.new_items import RULES, NewItemRules, load_rules
from recsys.data.ranking_items import centred_units, extend_ranking_items, joined_content
from recsys.slate.release_reader import Release, ReleaseFormatError, open_graph
from recsys.slate.retrieve import stranger_vector
from recsys.vocabulary import Vocabulary

ADDABLE = 2
"""Format of a release from which on items can be added to it."""
TOWER = "item_tower.onnx"
KNOWLEDGE_NAMES = "knowledge.json"
_TIMES = [name for name, dtype in CATALOGUE.schema.items() if dtype == UTC_TIME]


def new_item_rules(release: Release) -> NewItemRules:
    """What the release says of items it does not know.

    Raises:
        ReleaseFormatError: It was published before items could be added.
    """
    if release.description["format"] < ADDABLE or not (release.folder / RULES).is_file():
        raise ReleaseFormatError(
            f"release {release.release_id} is of a version that described items otherwise: none can be added. Run `vitrine nightly`."
        )
    return load_rules(release.folder)


def describe_items(
    release: Release, rows: pl.DataFrame, embeddings: Mapping[str, pl.DataFrame], knowledge: pl.DataFrame | None = None
) -> list[AddedItem]:
    """What the night would have made of items without any event, had they been in the catalogue: vectors, bias and popularity.

    Args:
        release: As it was published.
        rows: Items that it does not know, rows of the table `catalogue`. A category that no published item has says nothing to the towers.
        embeddings: modality -> rows of the table `item_embeddings`, by the encoders that `new_item_rules` names.
        knowledge: Rows of the table `knowledge`; entities that no published item has say nothing.

    Raises:
        ReleaseFormatError: See `new_item_rules`.
    """
    rules = new_item_rules(release)
    items = build_items(rows, embeddings)
    expected = [rules.undated if start is None else rules.dated for start in rows["available_from"]]
    entities = _entities(release, rows["item_id"].to_list(), KNOWLEDGE.empty() if knowledge is None else knowledge)
    vectors = _item_vectors(release, items, entities)
    vectors[:, -1] = expected
    for_strangers = vectors @ stranger_vector(release)
    units = {
        name: centred_units(items.vectors[name], items.presence[name], centre)
        if name in items.vectors
        else np.zeros((len(items), len(centre)), np.float32)
        for name, centre in rules.centres.items()
    }
    content = joined_content(units, size=len(items))
    told = rows.with_columns(pl.col(_TIMES).dt.epoch("us")).to_dicts()
    return [
        AddedItem(row, vector.tobytes(), unit.tobytes(), float(popularity))
        for row, vector, unit, popularity in zip(told, vectors, content, for_strangers, strict=True)
    ]


def extend_release(release: Release, added: Sequence[AddedItem]) -> Release:
    """The release with these items behind its published ones, in the place of any that were added before.

    They are in no index, so retrieval scores them one by one, exactly.
    """
    size = release.published
    if not added and size == len(release.items):
        return release
    catalogue = pl.concat([release.catalogue.head(size), catalogue_rows(added)])
    items = build_items(catalogue, {})
    content = _array([item.content_vector for item in added], release.content_vectors.shape[1])
    vectors = _array([item.item_vector for item in added], release.item_vectors.shape[1])
    return replace(
        release,
        catalogue=catalogue,
        items=items,
        item_vectors=np.concatenate([release.item_vectors[:size], vectors]),
        indexed=np.concatenate([release.indexed[:size], np.zeros(len(added), bool)]),
        popularity=np.concatenate([release.popularity[:size], np.array([item.popularity for item in added], np.float32)]),
        content_vectors=np.concatenate([release.content_vectors[:size], content]),
        content_presence=np.concatenate([release.content_presence[:size], content.any(axis=1)]),
        ranking_items=extend_ranking_items(release.ranking_items, items, content),
    )


def catalogue_rows(added: Sequence[AddedItem]) -> pl.DataFrame:
    """The rows of the table `catalogue` that the items were added as."""
    schema = {name: pl.Int64 if name in _TIMES else dtype for name, dtype in CATALOGUE.schema.items()}
    return pl.DataFrame([dict(item.row) for item in added], schema=schema).cast(CATALOGUE.schema)


def _item_vectors(release: Release, items: Items, entities: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
    """(items, all dims) by the graph, whose inputs say by name and shape what it reads; a modality that is not given is absent."""
    tower = open_graph(release.folder / TOWER)
    feeds: dict[str, npt.NDArray[np.generic]] = {}
    for entry in tower.get_inputs():
        kind, _, modality = entry.name.partition(".")
        if kind == "categories":
            feeds[entry.name] = _category_slots(items, release.items.category_names, slots=entry.shape[1])
        elif kind == "entities":
            feeds[entry.name] = entities[modality]
        elif kind == "presence":
            feeds[entry.name] = items.presence.get(modality, np.zeros(len(items), bool))
        else:
            feeds[entry.name] = items.vectors.get(modality, np.zeros((len(items), entry.shape[1]), np.float32))
    vectors: npt.NDArray[np.float32] = tower.run(["item_vector"], feeds)[0]
    return vectors


def _entities(release: Release, item_ids: Sequence[str], knowledge: pl.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """Relation -> (items, slots), as the graph reads them."""
    known = json.loads((release.folder / KNOWLEDGE_NAMES).read_text(encoding="utf-8"))
    told: dict[str, dict[str, list[str]]] = {item_id: {} for item_id in item_ids}
    for item_id, relation, entity in knowledge.sort("item_id", "relation", "entity").select("item_id", "relation", "entity").iter_rows():
        told[item_id].setdefault(relation, []).append(entity)
    slots = [entity_slots(known, told[item_id]) for item_id in item_ids]
    return {relation: np.stack([one[relation] for one in slots]) for relation in known}


def _category_slots(items: Items, category_names: Sequence[str], *, slots: int) -> npt.NDArray[np.int64]:
    """(items, slots): index + 1 of each item's categories among these names, 0 where there is no further one."""
    row = Vocabulary(category_names).index(items.category_names) + 1
    filled = np.zeros((len(items), slots), np.int64)
    for item, (start, end) in enumerate(zip(items.category_offsets, items.category_offsets[1:], strict=False)):
        known = row[items.category_index[start:end]]
        known = known[known > 0][:slots]
        filled[item, : len(known)] = known
    return filled


def _array(rows: Sequence[bytes], dim: int) -> npt.NDArray[np.float32]:
    return np.frombuffer(b"".join(rows), np.float32).reshape(len(rows), dim)

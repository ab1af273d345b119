"""A small release with real graphs, whose right answers are known: items of one colour lie in one direction."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import polars as pl
from onnx import TensorProto, helper, numpy_helper

from feature_store.manifest import content_digest, describe_files
from feature_store.schema import CATALOGUE
from recsys.data.item_to_item import LIKENESS, ItemToItem
from recsys.data.items import build_items
from recsys.data.new_items import NewItemRules, save_rules
from recsys.data.ranking_features import feature_names
from recsys.data.ranking_items import RankingItems, save_ranking_items
from recsys.data.relevance import NUM_KINDS, Kind
from recsys.retrieval.config import IndexConfig
from recsys.retrieval.faiss_index import build_index, save_index
from recsys.slate.release_reader import FORMAT

COLOURS = ("red", "green", "blue", "black")
DIM = 8
DATE = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRED, FUTURE, SOLD_OUT = 0, 1, 2
"""Rows of items that may not be shown: sold until yesteryear, on sale from 2100, out of stock."""

DATED_POPULARITY = 0.25
"""Of an item that is added with a day it came on sale."""


def build_release(
    releases: Path,
    *,
    items: int = 40,
    kind: Literal["flat", "ivf"] = "flat",
    seed: int = 0,
    champion: bool = True,
    known: RankingItems | None = None,
    knows_colours: bool = False,
    likens_colours: bool = False,
    fades: bool = False,
) -> Path:
    """Write a release and, where asked, make it the champion; item i has colour i % 4 and price i.

    Args:
        releases: Folder of all.
        items: How many.
        kind: Of the index.
        seed: Of the vectors; part of the name.
        champion: Whether it is served.
        known: What events say of the items; nothing where left out. Prices, categories and vectors are those of the release all the same.
        likens_colours: Whether the score has the part `likeness`: each click on, or purchase of, an item of a candidate's colour says 1 for
            it, over the root of their number.
        fades: Whether an event of `age` days counts by 1 / (1 + age), not like any other.
        knows_colours: Whether what the shop calls a user's `colour` is worth as much as a history of nothing else.
    """
    random = np.random.default_rng(seed)
    folder = releases / f"20260101-{seed:08d}"
    folder.mkdir(parents=True)
    frame = build_catalogue(items)
    frame.write_parquet(folder / "catalogue.parquet")
    directions = np.eye(DIM, dtype=np.float32)[np.arange(items) % len(COLOURS)] + 0.1 * random.standard_normal((items, DIM))
    units = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    popularity = np.arange(items, dtype=np.float32)[::-1].copy()
    has_image = np.arange(items) % 10 != 9
    alike = np.c_[np.eye(len(COLOURS))[np.arange(items) % len(COLOURS)] / 2, np.full(items, 2)][:, : 5 * likens_colours]
    vectors = np.c_[units, alike, 0.01 * popularity / items, np.zeros(items)].astype(np.float32)
    np.save(folder / "item_vectors.npy", vectors)
    np.save(folder / "popularity.npy", popularity)
    available = np.flatnonzero(build_items(frame, {}).available(DATE))
    save_index(folder, *build_index(vectors[available], available, vectors, IndexConfig(kind=kind)))
    nan = np.full(items, np.nan, np.float32)
    described = RankingItems(
        wanted=np.zeros((items, 5), np.float32),
        born=np.zeros(items, np.int64),
        click_rate=nan,
        mean_rating=nan,
        price=frame["price"].cast(pl.Float32).to_numpy(),
        category=np.arange(items) % len(COLOURS),
        vectors={"image": np.where(has_image[:, None], units, 0)},
        presence={"image": has_image},
    )
    if known is not None:
        described = replace(
            described, **{name: getattr(known, name) for name in ("wanted", "born", "click_rate", "mean_rating", "further")}
        )
    save_ranking_items(folder, described)
    _user_tower(folder / "user_tower.onnx", knows_colours=knows_colours, fades=fades)
    if knows_colours:
        (folder / "user_attributes.json").write_text(json.dumps({"colour": list(COLOURS)}))
    _item_tower(folder / "item_tower.onnx")
    expected = {"dated": DATED_POPULARITY, "undated": 0.0}
    (folder / "knowledge.json").write_text("{}\n", encoding="utf-8")
    save_rules(folder, NewItemRules(encoders={"image": "v1"}, centres={"image": np.zeros(DIM, np.float32)}, **expected))
    names = feature_names(("image",), tuple(described.further))
    _ranker(folder / "ranker.onnx", names)
    ranking = {"feature_names": names, "tasks": ["click"], "task_weights": [1.0], "blend": 0.5, "history_length": 20}
    (folder / "ranking.json").write_text(json.dumps(ranking))
    relevance = {"events": ["click", "cart", "purchase", "rating", "review"], "positive_rating": 4.0}
    clicked = tuple(float(kind in (Kind.CLICK, Kind.PURCHASE)) for kind in range(NUM_KINDS))
    likeness = [ItemToItem(name=LIKENESS, dim=len(COLOURS), weight=2.0, kind_worth=clicked)] * likens_colours
    parts = [["fused", DIM - 2], ["match.image", 2], *[[part.name, part.size] for part in likeness], ["bias", 1], ["popularity", 1]]
    further = {"vector_parts": parts, "parts": [asdict(part) for part in likeness]}
    serving = {"history_length": 20, **further, "relevance": relevance, "candidates": 30, "k": 5, "diversity": 0.0}
    (folder / "serving.json").write_text(json.dumps(serving))
    _describe(folder)
    if champion:
        promote(releases, folder.name)
    return folder


def promote(releases: Path, release_id: str) -> None:
    """Make a release the champion, atomically."""
    partial = releases / ".champion"
    partial.write_text(json.dumps({"release_id": release_id, "previous": None}))
    partial.replace(releases / "champion.json")


def _describe(folder: Path) -> None:
    files = describe_files(folder)
    told = {"format": FORMAT, "release_id": folder.name, "date": DATE.isoformat(), "created_at": DATE.isoformat(), "gates": []}
    (folder / "release.json").write_text(json.dumps({**told, "files": files, "contents_digest": content_digest(files)}))


def build_catalogue(items: int) -> pl.DataFrame:
    """That of a release with so many items."""
    rows = range(items)
    return pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in rows],
            "group_id": None,
            "title": [f"{COLOURS[row % 4]} thing {row}" for row in rows],
            "description": None,
            "category": [[COLOURS[row % 4]] for row in rows],
            "price": [float(row) for row in rows],
            "in_stock": [row != SOLD_OUT for row in rows],
            "image_uri": [f"{row}.png" for row in rows],
            "available_from": [datetime(2100, 1, 1, tzinfo=UTC) if row == FUTURE else None for row in rows],
            "available_to": [datetime(2020, 1, 1, tzinfo=UTC) if row == EXPIRED else None for row in rows],
            "attributes": [[] for _ in rows],
        },
        schema=CATALOGUE.schema,
    )


def _user_tower(path: Path, *, knows_colours: bool, fades: bool) -> None:
    """The mean of the items' vectors, and a 1 behind it; see `build_release`."""
    nodes = [
        helper.make_node("Greater", ["kinds", "zero"], ["real"]),
        helper.make_node("Cast", ["real"], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["ages_days", "one"], ["older"]),
        helper.make_node("Div", ["there", "older" if fades else "one"], ["weight"]),
        helper.make_node("Unsqueeze", ["weight", "last"], ["weights"]),
        helper.make_node("Mul", ["item_vectors", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["there", "middle"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["size"]),
        helper.make_node("Div", ["sum", "size"], ["mean" if not knows_colours else "history"]),
        helper.make_node("Div", ["size", "size"], ["ones"]),
        helper.make_node("Concat", ["mean", "ones", "ones"], ["user_vector"], axis=1),
    ]
    constants = {"zero": np.array(0, np.int64), "last": np.array([2]), "middle": np.array([1]), "one": np.array([1], np.float32)}
    inputs = [
        helper.make_tensor_value_info("item_vectors", TensorProto.FLOAT, ["batch", "length", DIM]),
        helper.make_tensor_value_info("kinds", TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info("ages_days", TensorProto.FLOAT, ["batch", "length"]),
    ]
    if knows_colours:
        told = [
            helper.make_node("Gather", ["directions", "attributes"], ["said"]),
            helper.make_node("ReduceSum", ["said", "middle"], ["start"], keepdims=0),
            helper.make_node("Add", ["history", "start"], ["mean"]),
        ]
        nodes[-2:-2] = told
        constants["directions"] = np.eye(DIM + 1, DIM, k=-1, dtype=np.float32)  # of value + 1; the first is nobody's
        inputs.append(helper.make_tensor_value_info("attributes", TensorProto.INT64, ["batch", 1]))
    output = helper.make_tensor_value_info("user_vector", TensorProto.FLOAT, ["batch", DIM + 2])
    _save(path, nodes, inputs, output, constants)


def _item_tower(path: Path) -> None:
    """The vector of the photo, zero without one, and a bias that counts known categories."""
    nodes = [
        helper.make_node("Unsqueeze", ["presence.image", "last"], ["presences"]),
        helper.make_node("Where", ["presences", "vector.image", "nothing"], ["seen"]),
        helper.make_node("Greater", ["categories", "zero"], ["known"]),
        helper.make_node("Cast", ["known"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["weight", "last"], ["bias"], keepdims=1),
        helper.make_node("Sub", ["bias", "bias"], ["popularity"]),
        helper.make_node("Concat", ["seen", "bias", "popularity"], ["item_vector"], axis=1),
    ]
    constants = {"zero": np.array(0, np.int64), "last": np.array([1]), "nothing": np.array(0, np.float32)}
    inputs = [
        helper.make_tensor_value_info("categories", TensorProto.INT64, ["batch", 2]),
        helper.make_tensor_value_info("vector.image", TensorProto.FLOAT, ["batch", DIM]),
        helper.make_tensor_value_info("presence.image", TensorProto.BOOL, ["batch"]),
    ]
    _save(path, nodes, inputs, helper.make_tensor_value_info("item_vector", TensorProto.FLOAT, ["batch", DIM + 2]), constants)


def _ranker(path: Path, names: tuple[str, ...]) -> None:
    """The likelier, the more an item resembles the recent ones."""
    weight = np.array([[3.0] if name == "image_recent" else [0.0] for name in names], np.float32)
    nodes = [helper.make_node("MatMul", ["features", "weight"], ["logit"]), helper.make_node("Sigmoid", ["logit"], ["probabilities"])]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["candidates", len(names)])]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["candidates", 1])
    _save(path, nodes, inputs, output, {"weight": weight})


def _save(path: Path, nodes: list, inputs: list, output: object, constants: dict[str, np.ndarray]) -> None:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, path.stem, inputs, [output], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)

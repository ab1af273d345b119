"""Gather what serving needs into one immutable, checksummed folder that holds no user."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.embeddings import encoder_versions
from feature_store.manifest import content_digest, describe_files, write_text_atomically
from feature_store.schema import CATALOGUE
from pipelines.inputs import load_interactions, load_items
from pipelines.releases import RELEASE, ReleaseShelf
from pipelines.stage import Stage, StageContext
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.new_items import NewItemRules, save_rules
from recsys.data.ranking_items import content_centres
from recsys.models.export import export_item_tower, export_user_tower
from recsys.models.ranker import publish_ranker
from recsys.models.retriever import SavedRetriever, load_retriever
from recsys.retrieval.faiss_index import DESCRIPTION, INDEX
from recsys.slate.release_reader import FORMAT, USER_ATTRIBUTES
from recsys.training.prior import Prior

TIMED = ("report.html",)
"""Files that tell how long things took: no two nights write the same."""


def run(context: StageContext) -> None:
    """Write `releases/<id>` and, as the stage's own table, which release that was."""
    shelf = ReleaseShelf(context.workspace.releases)
    shelf.folder.mkdir(parents=True, exist_ok=True)
    building = shelf.folder / ".building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    parity = fill_release(context, building)
    files = describe_files(building)
    digest = content_digest({name: entry for name, entry in files.items() if name not in TIMED})
    release_id = f"{context.date:%Y%m%d}-{digest[:8]}"
    evaluation = context.read("evaluation").manifest.facts
    champion = shelf.champion()
    description = {
        "format": FORMAT,
        "release_id": release_id,
        "created_at": datetime.now(UTC).isoformat(),
        "date": context.date.isoformat(),
        "events": context.read("events").manifest.content_digest,
        "files": files,
        "contents_digest": digest,
        "parity": parity,
        "settings": {"retriever": asdict(context.config.retriever), "ranker": asdict(context.config.ranker)},
        "gates": evaluation["gates"],
        "passed": evaluation["passed"],
        "champion_at_publish": champion.release_id if champion else None,
    }
    if not (shelf.folder / release_id / RELEASE).is_file():
        shutil.rmtree(shelf.folder / release_id, ignore_errors=True)
        write_text_atomically(building / RELEASE, json.dumps(description, indent=1, sort_keys=True) + "\n")
        building.rename(shelf.folder / release_id)
    shutil.rmtree(building, ignore_errors=True)
    with context.workspace.write(context.stage.writes) as writer:
        (writer.folder / "release.json").write_text(json.dumps({"release_id": release_id}) + "\n", encoding="utf-8")
        facts = {"rows": len(files), "release_id": release_id, "contents_digest": digest, "passed": evaluation["passed"]}
        context.commit(writer, facts=facts)


def fill_release(context: StageContext, folder: Path) -> dict[str, float]:
    """Write every file of a release and say how far each graph is from its model."""
    catalogue = context.read("catalogue")
    items = load_items(catalogue, context.read("item_embeddings"), context.read("knowledge"))
    past = load_interactions(context.read("events"), items, context.config.relevance, before=context.date)
    retriever = load_retriever(context.read("retriever").folder / "released")
    catalogue.scan(CATALOGUE).collect().write_parquet(folder / "catalogue.parquet", compression="zstd")
    np.save(folder / "item_vectors.npy", retriever.item_vectors)
    for name in (INDEX, DESCRIPTION):
        _bring(context.read("index").folder / "released" / name, folder / name)
    parity = {
        "user_tower": export_user_tower(retriever.model, folder / "user_tower.onnx", history_length=retriever.shape.history_length),
        "item_tower": export_item_tower(retriever.model, folder / "item_tower.onnx", content_dims=retriever.shape.content_dims),
    }
    if retriever.shape.attributes:
        text = json.dumps(retriever.shape.attributes, indent=1)  # in the order of the tower's inputs
        (folder / USER_ATTRIBUTES).write_text(text + "\n", encoding="utf-8")
    _write_json(folder / "knowledge.json", {name: list(items.knowledge[name].entities) for name in retriever.shape.relations})
    np.save(folder / "popularity.npy", retriever.scorer().scores(past, np.array([-1]))[0])
    save_rules(folder, _new_items(items, context, past, Prior(**retriever.training["prior"])))
    parity["ranker"] = publish_ranker(context.read("ranker").folder, folder)
    _write_json(folder / "serving.json", _serving(context, retriever))
    queries = context.read("query_encoders")
    for name in queries.manifest.files:
        _bring(queries.path(name), folder / name)
    for name in ("report.html", "report.json"):
        _bring(context.read("evaluation").folder / name, folder / ("evaluation.json" if name == "report.json" else name))
    return parity


def _new_items(items: Items, context: StageContext, past: Interactions, prior: Prior) -> NewItemRules:
    return NewItemRules(
        encoders=encoder_versions(context.read("item_embeddings")),
        centres=content_centres(items),
        dated=prior.of_new_item(past, items, now=context.date, dated=True),
        undated=prior.of_new_item(past, items, now=context.date, dated=False),
    )


def _serving(context: StageContext, retriever: SavedRetriever) -> dict[str, Any]:
    relevance = context.config.relevance
    members = retriever.model.members
    item_tower = members[0].item_tower
    match = [(f"match.{name}", size) for name, size in item_tower.match.blocks.items()]
    further = [(part.name, part.size) for part in retriever.model.parts]
    return {
        "history_length": retriever.shape.history_length,
        "reads_older": retriever.model.reads_older,
        "vector_parts": [*[*item_tower.parts.items(), *match] * len(members), *further, ("bias", 1), ("popularity", 1)],
        "parts": [asdict(part) for part in retriever.model.parts],
        "relevance": asdict(relevance),
        "candidates": context.config.ranker.candidates,
        "k": 20,
        "diversity": 0.0,
    }


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _bring(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


STAGE = Stage(
    name="publish_release",
    reads=("events", "catalogue", "item_embeddings", "knowledge", "retriever", "index", "ranker", "evaluation", "query_encoders"),
    writes="release",
    config=("relevance", "retriever", "ranker", "release"),
    run=run,
)

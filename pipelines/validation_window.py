"""The tables of the last night cut for validation: what an ablation and a search for better settings train on and judge by."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from feature_store.splits import Cuts
from pipelines.choosing_truth import Choosing, open_choosing
from pipelines.config import Config
from pipelines.inputs import load_interactions, load_items, load_passed_over, resolve_cuts
from pipelines.nightly import end_of_log
from pipelines.stage import code_digest, is_current
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from recsys.data.items import Items
from recsys.evaluation.slices import NEW_ITEMS, Slice, build_slices
from recsys.evaluation.truth import Truth, build_truth
from recsys.models.retriever import SavedRetriever, load_retriever
from recsys.training.config import RetrieverConfig


@dataclass(frozen=True, kw_only=True)
class Window:
    """The night's tables, cut for validation."""

    items: Items
    cuts: Cuts
    truth: Truth
    """By which retrievers are judged: everybody in the window."""
    choosing: Choosing
    """By which epochs and prior are chosen, as in the night."""
    new_items: tuple[Slice, ...]
    """Choices of items without any event before the cut; none where nobody chose one."""


def open_window(config: Config) -> Window:
    """Read what the last night has left.

    Raises:
        MissingTableError: No night has run yet.
        ValueError: Nobody in the window can be judged.
    """
    workspace = config.open_workspace()
    items = load_items(workspace.read("catalogue"), workspace.read("item_embeddings"), workspace.read("knowledge"))
    events = workspace.read("events")
    cuts = resolve_cuts(config, events, date=end_of_log(workspace))
    past = load_interactions(events, items, config.relevance, before=cuts.validation, users=workspace.read("users"))
    window = load_interactions(events, items, config.relevance, before=cuts.test).between(cuts.validation, cuts.test)
    passed_over = load_passed_over(events, items, config.relevance, before=cuts.validation, settings=config.retriever)
    candidates = items.available(cuts.validation)
    truth = build_truth(past, window, candidates=candidates)
    slices = build_slices(truth, items, cut=cuts.validation, most_categories=0)
    return Window(
        items=items,
        cuts=cuts,
        truth=truth,
        choosing=open_choosing(past, window, candidates=candidates, choose_by=config.cuts.choose_by, passed_over=passed_over),
        new_items=tuple(part for part in slices if part.name == NEW_ITEMS),
    )


def scratch_of(work: str, config: Config, cuts: Cuts, *, module: str) -> Path:
    """Where what is done on the window stays until it is finished.

    The folder is named by all that the trainings share: code reached from `module`, tables, relevance and cuts. What was made of other
    tables or by other code is removed.
    """
    workspace = config.open_workspace()
    shared = {
        "code": code_digest(module),
        "inputs": {name: workspace.read(name).manifest.content_digest for name in TRAIN_RETRIEVER.reads},
        "relevance": asdict(config.relevance),
        "cuts": asdict(cuts),
        "choose_by": config.cuts.choose_by,
    }
    folder = workspace.scratch(work) / digest(shared)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.iterdir():
        if stale != folder:
            shutil.rmtree(stale)
    return folder


def nights_twin(config: Config, settings: RetrieverConfig) -> SavedRetriever | None:
    """The last night's validation twin, if it was trained just so."""
    workspace = config.open_workspace()
    if not is_current(TRAIN_RETRIEVER, workspace, replace(config, retriever=settings), end_of_log(workspace)):
        return None
    return load_retriever(workspace.read(TRAIN_RETRIEVER.writes).folder / "validation")


def digest(parts: Mapping[str, Any]) -> str:
    """A short name for plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""A small workspace in which the night's own stages run, and what they make there as of a cut."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from safetensors.numpy import load_file

from feature_store.layout import TableReader, Workspace
from feature_store.splits import CutName, Cuts
from pipelines.config import ChooseBy, Config, CutsConfig
from pipelines.inputs import load_interactions, load_items
from pipelines.progress import Progress
from pipelines.stage import Stage, StageContext, seen_by
from recsys.data.interactions import Interactions
from recsys.data.items import Items

Seen = pl.DataFrame | npt.NDArray[np.generic] | str
"""What a consumer has made of the tables; two of them can be held against each other."""


@dataclass(frozen=True)
class Twin:
    """One of two workspaces that differ only in what nobody could know at some moment."""

    workspace: Workspace
    config: Config
    """Of `small_config`, for this workspace."""
    cuts: Cuts
    stages: tuple[Stage, ...]
    """Those of the night that read behaviour, in order."""

    @cached_property
    def items(self) -> Items:
        """The catalogue with its vectors and what is known of it."""
        return load_items(*(self.workspace.read(name) for name in ("catalogue", "item_embeddings", "knowledge")))

    def past(self, moment: datetime) -> Interactions:
        """Behaviour before a moment, and what was known of users, as every stage that trains loads it."""
        events, users = self.workspace.read("events"), self.workspace.read("users")
        return load_interactions(events, self.items, self.config.relevance, before=moment, users=users)

    def made(self, table: str) -> TableReader:
        """A table, made by its stage, and by those before it, the first time it is asked for."""
        if not self.workspace.exists(table):
            stage = next(stage for stage in self.stages if stage.writes == table)
            for name in stage.reads:
                self.made(name)
            quiet = Progress(Console(quiet=True))
            stage.run(StageContext(workspace=self.workspace, config=self.config, date=self.cuts.date, progress=quiet, stage=stage))
        return self.workspace.read(table)

    def files(self, stage: Stage, cut: CutName) -> Mapping[str, Seen]:
        """What a stage makes here, of those files for which it has declared this cut; numbers of a model by their names."""
        table = self.made(stage.writes)
        found: dict[str, Seen] = {}
        for file in sorted(table.manifest.files):
            if seen_by(stage, file) == cut:
                found |= _read(table.path(file), file)
        return found


def small_config(config: Config, workspace: Workspace, cuts: Cuts, *, num_items: int) -> Config:
    """The shop's config for another workspace: cuts that stand, the least models, and one setting wherever there is a choice.

    So nothing that validation chooses can carry what it saw into a model that was trained before it. A shop whose `num_items` are too
    many for a softmax over all of them has a sampled one here too.
    """
    large = num_items > config.retriever.full_softmax_items
    evaluation = config.evaluation
    choose_by: ChooseBy = "window" if config.cuts.choose_by == "auto" else config.cuts.choose_by  # how many came back is of the window too
    return replace(
        config,
        workspace=str(workspace.root),
        cuts=CutsConfig(ranker=cuts.ranker, validation=cuts.validation, test=cuts.test, choose_by=choose_by),
        reviews=replace(config.reviews, min_reviews=min(config.reviews.min_reviews, 20), max_tokens=min(config.reviews.max_tokens, 32)),
        embed=replace(config.embed, text_tokens_per_batch=1),  # alone in its batch, a text is read the same in both
        retriever=replace(
            config.retriever,
            embedding_dim=64 if config.retriever.fusion == "late_ensemble" else 8,  # room for a block per token
            heads=1,
            blocks=1,
            history_length=10,
            content_dim=16,
            match_dim=8,
            full_softmax_items=0 if large else num_items,
            uniform_negatives=64,
            min_attribute_users=1,
            epochs=2 if config.retriever.hard_negatives else 1,  # these are drawn from the second on
            ensemble=1,
        ),
        index=replace(config.index, kind="flat"),
        ranker=replace(config.ranker, num_experts=1, expert_dims=(8,), tower_dims=(4,), candidates=20, max_requests=200, epochs=1),
        evaluation=replace(
            evaluation,
            bootstrap_resamples=10,
            ease_strengths=evaluation.ease_strengths[:1],
            ials_strengths=evaluation.ials_strengths[:1],
            item_knn_neighbours=evaluation.item_knn_neighbours[:1],
            recent_days=evaluation.recent_days[:1],
            report_users=0,
        ),
    )


def _read(path: Path, name: str) -> Mapping[str, Seen]:
    if path.suffix == ".parquet":
        return {name: pl.read_parquet(path)}
    if path.suffix == ".npy":
        return {name: np.load(path)}
    if path.suffix == ".safetensors":
        return {f"{name}: {key}": values for key, values in load_file(path).items()}
    if path.suffix == ".json":
        return {name: json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=1, sort_keys=True)}
    return {name: np.frombuffer(path.read_bytes(), np.uint8)}

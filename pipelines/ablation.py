"""What each part of the retriever is worth: train it without the part, and judge both by the same users of the validation window."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from feature_store.splits import Cuts
from pipelines.ablation_variants import WITHOUT_HISTORY, select, variants_of
from pipelines.config import Config
from pipelines.inputs import load_interactions, load_items, resolve_cuts
from pipelines.judging import COMPARED_IN, write_json
from pipelines.nightly import end_of_log
from pipelines.progress import Progress
from pipelines.retriever_training import some_users, train_and_choose
from pipelines.stage import code_digest, is_current
from pipelines.stages.train_retriever import STAGE as TRAIN_RETRIEVER
from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.evaluation.bootstrap import intervals, resampled_means
from recsys.evaluation.compare import compare
from recsys.evaluation.gates import PerUser, slice_column
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.per_user import from_frame, gather, to_frame
from recsys.evaluation.slices import NEW_ITEMS, Slice, build_slices
from recsys.evaluation.truth import Truth, build_truth
from recsys.models.retriever import SavedRetriever, load_retriever
from recsys.models.scorer import Scorer
from recsys.training.config import RetrieverConfig

METRICS = (*COMPARED_IN, slice_column(NEW_ITEMS))
FULL = "full"
INPUTS = ("events", "catalogue", "item_embeddings", "knowledge")


@dataclass(frozen=True)
class Stranger:
    """A scorer to which every user is one of whom nothing is known."""

    scorer: Scorer
    name: str

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """See `Scorer`; every row is the same."""
        return np.repeat(self.scorer.scores(past, np.array([-1])), len(rows), axis=0)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The night's tables, cut for validation."""

    items: Items
    cuts: Cuts
    truth: Truth
    """By which variants are judged: everybody in the window."""
    choosing: Truth
    """By which epochs and prior are chosen, as in the night: some of them."""
    new_items: tuple[Slice, ...]
    """Choices of items without any event before the cut; none where nobody chose one."""


def run_ablation(
    config: Config, *, only: Sequence[str] = (), seeds: int = 1, epochs: int | None = None, progress: Progress
) -> dict[str, Any]:
    """Train and judge every variant and the full model; whatever an earlier run has finished on the same tables is read back.

    Args:
        config: The shop's; `[retriever]` is the full model.
        only: Keys of variants; empty: all.
        seeds: Trainings of each variant, from the config's seed up; a user's value is the mean over them.
        epochs: At most so many for each training instead of the config's.
        progress: Bars and lines.

    Returns:
        What `ablation.json` holds: docs/evaluation.md.

    Raises:
        ConfigError: There is no such variant.
        MissingTableError: No night has run yet.
        ValueError: Nobody in the window can be judged.
    """
    full = config.retriever if epochs is None else replace(config.retriever, epochs=epochs)
    config = replace(config, retriever=full)
    if full.threads:
        torch.set_num_threads(full.threads)
    window = _cut(config)
    chosen = select(variants_of(full, window.items), only)
    trained = {FULL: full} | {variant.name: variant.config for variant in chosen if variant.config != full}
    progress.say(f"{len(trained) * seeds} trainings of at most {full.epochs} epochs; what is finished is not trained again")
    scratch = _scratch(config, window.cuts)
    values: dict[str, list[PerUser]] = {}
    told: dict[str, list[int]] = {}
    for name, settings in trained.items():
        for seed in range(full.seed, full.seed + seeds):
            judged, training = _judged(name, replace(settings, seed=seed), config, window, scratch, progress)
            for model, per_user in judged.items():
                values.setdefault(model, []).append(per_user)
            told.setdefault(name, []).append(training["epochs"])
    means = {name: _mean(values[name]) for name in (FULL, *(variant.name for variant in chosen))}
    draws = {"resamples": config.evaluation.bootstrap_resamples, "seed": config.evaluation.seed}
    return {
        "format": 1,
        "phase": "validation",
        "cuts": {name: moment.isoformat() for name, moment in asdict(window.cuts).items()},
        "users": int((window.truth.chosen["new"].counts() > 0).sum()),
        "new_item_choices": int(sum(part.pairs.sum() for part in window.new_items)),
        "seeds": list(range(full.seed, full.seed + seeds)),
        "retriever": asdict(full),
        "variants": [{"key": variant.key, "name": variant.name, "part": variant.part} for variant in chosen],
        "epochs": told,
        **summary(means, **draws),
        "bootstrap": draws,
    }


def summary(judged: Mapping[str, PerUser], *, resamples: int, seed: int) -> dict[str, Any]:
    """Means with intervals of each model, and how far the full one is ahead of each other: {"metrics", "comparisons"}."""
    metrics = [metric for metric in METRICS if metric in judged[FULL]]
    table = np.stack([values[metric] for values in judged.values() for metric in metrics], axis=1)  # (users, models x metrics)
    found = iter(intervals(table, resampled_means(table, resamples=resamples, seed=seed)))
    return {
        "metrics": {name: {metric: list(asdict(next(found)).values()) for metric in metrics} for name in judged},
        "comparisons": [asdict(entry) for entry in compare(judged, first=FULL, metrics=metrics, resamples=resamples, seed=seed)],
    }


def _cut(config: Config) -> Window:
    workspace = config.open_workspace()
    items = load_items(workspace.read("catalogue"), workspace.read("item_embeddings"), workspace.read("knowledge"))
    events = workspace.read("events")
    cuts = resolve_cuts(config, events, date=end_of_log(workspace))
    past = load_interactions(events, items, config.relevance, before=cuts.validation)
    window = load_interactions(events, items, config.relevance, before=cuts.test).between(cuts.validation, cuts.test)
    candidates = items.available(cuts.validation)
    truth = build_truth(past, window, candidates=candidates)
    slices = build_slices(truth, items, cut=cuts.validation, most_categories=0)
    return Window(
        items=items,
        cuts=cuts,
        truth=truth,
        choosing=build_truth(past, some_users(window), candidates=candidates),
        new_items=tuple(part for part in slices if part.name == NEW_ITEMS),
    )


def _judged(
    name: str, settings: RetrieverConfig, config: Config, window: Window, scratch: Path, progress: Progress
) -> tuple[dict[str, PerUser], dict[str, Any]]:
    """Values of a variant, the full model's with and without histories, and what its training told; from disk where it is finished."""
    title = f"{name}, seed {settings.seed}"
    folder = scratch / _digest(asdict(settings))
    if not folder.is_dir():
        started = perf_counter()
        unfinished = folder.with_suffix(".unfinished")
        saved = _of_the_night(config, settings) or train_and_choose(
            window.items,
            window.choosing,
            settings,
            now=window.cuts.validation,
            scratch=unfinished / "checkpoint",
            track=progress.tracker(title),
        )
        unfinished.mkdir(parents=True, exist_ok=True)
        _judge(saved, name, window).write_parquet(unfinished / "per_user.parquet")
        write_json(unfinished / "training.json", saved.training)
        shutil.rmtree(unfinished / "checkpoint", ignore_errors=True)
        unfinished.rename(folder)
        progress.say(f"  [green]✓[/green] {title}: epoch {saved.training['epochs']} chosen, {perf_counter() - started:.1f} s")
    judged = from_frame(pl.read_parquet(folder / "per_user.parquet"), window.truth.user_ids)
    return judged, json.loads((folder / "training.json").read_text(encoding="utf-8"))


def _of_the_night(config: Config, settings: RetrieverConfig) -> SavedRetriever | None:
    """The last night's validation twin, if it was trained just so."""
    workspace = config.open_workspace()
    if not is_current(TRAIN_RETRIEVER, workspace, replace(config, retriever=settings), end_of_log(workspace)):
        return None
    return load_retriever(workspace.read(TRAIN_RETRIEVER.writes).folder / "validation")


def _judge(saved: SavedRetriever, name: str, window: Window) -> pl.DataFrame:
    scorers: list[Scorer] = [replace(saved.scorer(), name=name)]
    if name == FULL:
        scorers.append(Stranger(scorers[0], WITHOUT_HISTORY))
    judgements = [judge(FullRanking(scorer), window.truth) for scorer in scorers]
    return to_frame(judgements, gather(judgements, window.truth, window.new_items), window.truth)


def _scratch(config: Config, cuts: Cuts) -> Path:
    """Where finished variants lie, named by all that they share; what was made of other tables or by other code goes."""
    workspace = config.open_workspace()
    shared = {
        "code": code_digest(__name__),
        "inputs": {name: workspace.read(name).manifest.content_digest for name in INPUTS},
        "relevance": asdict(config.relevance),
        "cuts": asdict(cuts),
    }
    folder = workspace.scratch("ablation") / _digest(shared)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.iterdir():
        if stale != folder:
            shutil.rmtree(stale)
    return folder


def _digest(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _mean(seeds: Sequence[PerUser]) -> PerUser:
    """Each user's mean over seeds; who counts does not depend on the seed."""
    return {metric: np.mean([values[metric] for values in seeds], axis=0) for metric in seeds[0]}

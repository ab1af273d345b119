"""What each part of the retriever is worth: train it without the part, and judge both by the same users of the validation window."""

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

from pipelines.ablation_variants import WITHOUT_HISTORY, select, variants_of
from pipelines.config import Config
from pipelines.judging import COMPARED_IN, write_json
from pipelines.lock import alone
from pipelines.progress import Progress
from pipelines.retriever_training import train_and_choose
from pipelines.validation_window import Window, digest, nights_twin, open_window, scratch_of
from recsys.data.interactions import Interactions
from recsys.evaluation.bootstrap import intervals, resampled_means
from recsys.evaluation.compare import compare
from recsys.evaluation.gates import PerUser, slice_column
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.per_user import from_frame, gather, to_frame
from recsys.evaluation.slices import NEW_ITEMS
from recsys.models.retriever import SavedRetriever
from recsys.models.scorer import Scorer
from recsys.training.config import RetrieverConfig

METRICS = (*COMPARED_IN, slice_column(NEW_ITEMS))
FULL = "full"


@dataclass(frozen=True)
class Stranger:
    """A scorer to which every user is one of whom nothing is known."""

    scorer: Scorer
    name: str

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """See `Scorer`; every row is the same."""
        return np.repeat(self.scorer.scores(past, np.array([-1])), len(rows), axis=0)


def run_ablation(
    config: Config, *, only: Sequence[str] = (), seeds: int = 1, epochs: int | None = None, progress: Progress
) -> dict[str, Any]:
    """Train and judge every variant and the full model; whatever an earlier run has finished on the same tables is read back.

    Args:
        config: The shop's; `[retriever]` is the full model.
        only: Keys or groups of variants; empty: parts and fusions.
        seeds: Trainings of each variant, or ensembles, from the config's seed up; a user's value is the mean over them.
        epochs: At most so many for each training instead of the config's.
        progress: Bars and lines.

    Returns:
        What `ablation.json` holds: docs/evaluation.md.

    Raises:
        BusyError: Another ablation, or an erasure, is at work here.
        ConfigError: There is no such variant.
        MissingTableError: No night has run yet.
        ValueError: Nobody in the window can be judged.
    """
    full = config.retriever if epochs is None else replace(config.retriever, epochs=epochs)
    config = replace(config, retriever=full)
    if full.threads:
        torch.set_num_threads(full.threads)
    with alone(config.open_workspace().root / "ablation.lock", work="ablation"):
        window = open_window(config)
        chosen = select(variants_of(full, window.items), only)
        trained = {FULL: full} | {variant.name: variant.config for variant in chosen if variant.config != full}
        trainings = seeds * sum(settings.ensemble for settings in trained.values())
        progress.say(f"{trainings} trainings of at most {full.epochs} epochs; what is finished is not trained again")
        scratch = scratch_of("ablation", config, window.cuts, module=__name__)
        first_seeds = range(full.seed, full.seed + seeds * full.ensemble, full.ensemble)  # no two ensembles share a member
        values: dict[str, list[PerUser]] = {}
        told: dict[str, list[int]] = {}
        for name, settings in trained.items():
            for seed in first_seeds:
                judged, training = _judged(name, replace(settings, seed=seed), config, window, scratch, progress)
                for model, per_user in judged.items():
                    values.setdefault(model, []).append(per_user)
                told.setdefault(name, []).extend(training["epochs"])
    means = {name: _mean(values[name]) for name in (FULL, *(variant.name for variant in chosen))}
    draws = {"resamples": config.evaluation.bootstrap_resamples, "seed": config.evaluation.seed}
    return {
        "format": 1,
        "phase": "validation",
        "cuts": {name: moment.isoformat() for name, moment in asdict(window.cuts).items()},
        "users": int((window.truth.chosen["new"].counts() > 0).sum()),
        "new_item_choices": int(sum(part.pairs.sum() for part in window.new_items)),
        "seeds": list(first_seeds),
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


def _judged(
    name: str, settings: RetrieverConfig, config: Config, window: Window, scratch: Path, progress: Progress
) -> tuple[dict[str, PerUser], dict[str, Any]]:
    """Values of a variant, the full model's with and without histories, and what its training told; from disk where it is finished."""
    title = f"{name}, seed {settings.seed}"
    folder = scratch / digest(asdict(settings))
    if not folder.is_dir():
        started = perf_counter()
        unfinished = folder.with_suffix(".unfinished")
        saved = nights_twin(config, settings) or train_and_choose(
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
        epochs = ", ".join(map(str, saved.training["epochs"]))
        progress.say(f"  [green]✓[/green] {title}: epoch {epochs} chosen, {perf_counter() - started:.1f} s")
    judged = from_frame(pl.read_parquet(folder / "per_user.parquet"), window.truth.user_ids)
    return judged, json.loads((folder / "training.json").read_text(encoding="utf-8"))


def _judge(saved: SavedRetriever, name: str, window: Window) -> pl.DataFrame:
    scorers: list[Scorer] = [replace(saved.scorer(), name=name)]
    if name == FULL:
        scorers.append(Stranger(scorers[0], WITHOUT_HISTORY))
    judgements = [judge(FullRanking(scorer), window.truth) for scorer in scorers]
    return to_frame(judgements, gather(judgements, window.truth, window.new_items), window.truth)


def _mean(seeds: Sequence[PerUser]) -> PerUser:
    """Each user's mean over seeds; who counts does not depend on the seed."""
    return {metric: np.mean([values[metric] for values in seeds], axis=0) for metric in seeds[0]}

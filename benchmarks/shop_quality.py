"""How much of what can be known the retriever finds on the sample shop, with photos and without.

    python benchmarks/shop_quality.py --seeds 31 32 33

Each seed is drawn whole into a temporary folder and taken through the night's own stages up to the embeddings; the retriever then learns
what happened before the validation cut and is judged on the validation window beside every baseline and the oracle. Seeds 1 to 6 and 11
were used in development; 21 to 23, 31 to 33, 41 to 43, 61, 71 and 72 were looked at once each, with the constants as they are now.
"""

import argparse
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pipelines.choosing_truth import Choosing
from pipelines.config import Config, load_config
from pipelines.importers.registry import import_source
from pipelines.nightly import STAGES, end_of_log, run_stage
from pipelines.progress import Progress
from pipelines.retriever_training import train_and_choose
from pipelines.sample_shop.oracle import Oracle
from pipelines.validation_window import Window, open_window
from recsys.data.interactions import Interactions
from recsys.evaluation.bootstrap import paired_difference
from recsys.evaluation.judge import FullRanking, Judgement, judge, per_user
from recsys.evaluation.judge_baselines import judge_baselines
from recsys.evaluation.truth import Truth

NEEDED = (
    "ingest_catalogue",
    "ingest_events",
    "ingest_users",
    "build_knowledge",
    "fetch_images",
    "train_encoders",
    "fine_tune_encoders",
    "embed_items",
)
K = 100


class Told:
    """Scores of judged users, strangers included, worked out ahead: it is asked for them in their own order."""

    def __init__(self, name: str, scores: npt.NDArray[np.float32]) -> None:
        self.name, self._scores, self._asked = name, scores, 0

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Of the next users in line."""
        place = self._asked % len(self._scores)
        self._asked += len(rows)
        return self._scores[place : place + len(rows)]


def main() -> None:
    """Read the arguments, measure every seed, print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    parser.add_argument("--config", type=Path, default=Path("configs/demo.toml"))
    args = parser.parse_args()
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            Console(width=160).print(measure(load_config(args.config, {"workspace": folder}), seed))


def measure(config: Config, seed: int) -> Table:
    """One shop."""
    progress, workspace = Progress(Console(stderr=True)), config.open_workspace()
    window = draw_and_embed(config, seed, progress)
    items, cuts, truth = window.items, window.cuts, window.truth
    judged = [judge(FullRanking(Told("oracle", oracle_scores(config, window))), truth)]
    blind = replace(config.retriever, modalities=tuple(name for name in config.retriever.modalities if name != "image"))
    for name, settings in (("retriever", config.retriever), ("retriever without photos", blind)):
        scratch = workspace.scratch(name)
        saved = train_and_choose(
            items, Choosing.by_window(truth), settings, now=cuts.validation, scratch=scratch, track=progress.tracker(name)
        )
        judged.append(judge(FullRanking(replace(saved.scorer(), name=name)), truth))
    judged += [choice.judgement for choice in judge_baselines(truth.past, items, truth, config.evaluation).chosen]
    return table_of(judged, truth, np.bincount(truth.past.item_index, minlength=len(items)) == 0, seed)


def draw_and_embed(config: Config, seed: int, progress: Progress) -> Window:
    """Draw a shop into the workspace and take it through the stages that are needed to judge by its validation window."""
    workspace = config.open_workspace()
    import_source("sample_shop", None, config, seed=seed, progress=progress)
    for stage in STAGES:
        if stage.name in NEEDED:
            now = end_of_log(workspace) if stage.dated else datetime.max.replace(tzinfo=UTC)
            run_stage(stage, config, workspace, now, progress, forced=False)
    return open_window(config)


def oracle_scores(config: Config, window: Window) -> npt.NDArray[np.float32]:
    """(judged users, items): what the oracle says of them."""
    oracle = Oracle(config.open_workspace().root / "truth", window.items, first=window.cuts.validation, last=window.cuts.test)
    return oracle.scores_of(window.truth.user_ids.tolist())


def table_of(judged: list[Judgement], truth: Truth, new: npt.NDArray[np.bool_], seed: int) -> Table:
    """Recall@100 of each model, its share of the oracle's, on new items, and the retriever's paired lead."""
    chosen = truth.chosen["new"]
    fresh = chosen.of(new[chosen.item])
    random = K / int(truth.candidates.sum())
    title = f"seed {seed}: {truth.num_users} users, {int(truth.candidates.sum())} candidates, {len(fresh.user)} choices of new items"
    columns = ("Recall@100", "of the oracle", "NDCG@10", "new items", "of random", "retriever leads by", "on new items by")
    table = Table("model", *columns, title=title)
    recall = {entry.name: entry.metrics["new"]["recall@100"] for entry in judged}
    recall_of_new = {entry.name: per_user(entry.lists["new"], fresh)["recall@100"] for entry in judged}
    for entry in judged:
        on_new = float(np.nanmean(recall_of_new[entry.name]))
        leads = [_lead(values["retriever"], values[entry.name]) for values in (recall, recall_of_new)]
        share = float(np.nanmean(recall[entry.name]) / np.nanmean(recall["oracle"]))
        ndcg = float(np.nanmean(entry.metrics["new"]["ndcg@10"]))
        row = (f"{np.nanmean(recall[entry.name]):.4f}", f"{share:.1%}", f"{ndcg:.4f}", f"{on_new:.4f}", f"{on_new / random:.1f} x")
        table.add_row(entry.name, *row, *(leads if entry.name != "retriever" else ("", "")))
    return table


def _lead(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> str:
    difference = paired_difference(ours, theirs, resamples=10_000, seed=0)
    return f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"


if __name__ == "__main__":
    main()

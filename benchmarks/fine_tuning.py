"""What fine-tuning the encoders is worth on a sample shop: recall of held-out pairs, and the retriever's numbers on the validation window.

    python benchmarks/fine_tuning.py --seed 31 --items 800 --users 2500 --tuned image=lora image=full,text=last_layers

Each of `--tuned` is what `[fine_tune]` says; the encoders as they come are measured first. A workspace that is named is kept, and what was
drawn and trained in it is not done again.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from pipelines.choosing_truth import Choosing
from pipelines.config import Config, load_config
from pipelines.importers.landing import Landing
from pipelines.nightly import STAGES, end_of_log, run_stage
from pipelines.progress import Progress
from pipelines.retriever_training import train_and_choose
from pipelines.sample_shop.shop import ShopSize, draw_shop
from pipelines.validation_window import open_window
from recsys.evaluation.bootstrap import paired_difference
from recsys.evaluation.judge import FullRanking, Judgement, judge

UP_TO = "embed_items"
BASE = "image=frozen"
METRICS = ("recall@100", "ndcg@10")


def main() -> None:
    """Read the arguments, measure, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=Path("configs/demo.toml"))
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--items", type=int, default=800)
    parser.add_argument("--users", type=int, default=2500)
    parser.add_argument("--tuned", nargs="+", default=["image=lora"])
    parser.add_argument("--workspace", default="")
    args = parser.parse_args()
    console, progress = Console(width=160), Progress(Console(stderr=True))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(args.workspace or folder).resolve()
        landing = Landing(
            events=root / "landing/events",
            catalogue=root / "landing/catalogue",
            users=root / "landing/users",
            images=root / "landing/images",
        )
        if not landing.catalogue.exists():
            size = ShopSize(num_items=args.items, num_users=args.users)
            draw_shop(landing, root / "truth", seed=args.seed, size=size, progress=progress)
        measured = {}
        for tuned in (BASE, *args.tuned):
            parts = {f"fine_tune.{name}": part for name, part in (entry.split("=") for entry in tuned.split(","))}
            measured[tuned] = measure(load_config(args.config, {"workspace": str(root), **parts}), tuned, progress)
    pairs, shop = (
        Table("encoders", "seconds", "pairs", "before", "after"),
        Table("encoders", *METRICS, "recall@100 beside them as they come"),
    )
    for tuned, (facts, seconds, judged) in measured.items():
        for name, before in facts.get("measured", {}).get("before", {}).items():
            pairs.add_row(tuned, f"{seconds:.0f}", name, f"{before:.3f}", f"{facts['measured']['after'][name]:.3f}")
        values = {name: judged.metrics["new"][name] for name in METRICS}
        lead = paired_difference(values["recall@100"], measured[BASE][2].metrics["new"]["recall@100"], resamples=10_000, seed=0)
        means = [f"{np.nanmean(value):.4f}" for value in values.values()]
        shop.add_row(tuned, *means, f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]")
    console.print(pairs, shop)


def measure(config: Config, name: str, progress: Progress) -> tuple[dict[str, Any], float, Judgement]:
    """Facts of the fine-tuning and its seconds, and the retriever over the encoders that it has left."""
    workspace, results = config.open_workspace(), {}
    for stage in STAGES[: [stage.name for stage in STAGES].index(UP_TO) + 1]:
        date = end_of_log(workspace) if stage.dated and workspace.exists("events") else datetime.max.replace(tzinfo=UTC)
        results[stage.name] = run_stage(stage, config, workspace, date, progress, forced=False)
    window = open_window(config)
    scratch = workspace.scratch(f"retriever of {name}")
    saved = train_and_choose(
        window.items,
        Choosing.by_window(window.truth),
        config.retriever,
        now=window.cuts.validation,
        scratch=scratch,
        track=progress.tracker(name),
    )
    tuned = results["fine_tune_encoders"]
    return dict(tuned.facts), tuned.seconds, judge(FullRanking(saved.scorer()), window.truth)


if __name__ == "__main__":
    main()

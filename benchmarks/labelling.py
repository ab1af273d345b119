"""How well the attributes of a sample shop are guessed, held against what is planted.

    python benchmarks/labelling.py --seed 31 --items 2000 --hidden 0.4
    python benchmarks/labelling.py --seed 31 --items 2000 --hidden 0.4 --joint-model FOLDER

The shop says category, colour, pattern and material of some items and not of the others; a photo shows all four, a text names category
and material. Beside what the stage measures on held-out items of the shop, its labels are held against the truth of those it hid.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from feature_store.schema import ATTRIBUTE_LABELS, CATALOGUE
from pipelines.config import load_config
from pipelines.importers.landing import Landing
from pipelines.nightly import STAGES, run_stage
from pipelines.progress import Progress
from pipelines.sample_shop.drawing import CATEGORIES, COLOURS, MATERIALS, PATTERNS
from pipelines.sample_shop.oracle import TRUTH
from pipelines.sample_shop.shop import ShopSize, draw_shop
from recsys.training.labelling.judging import macro_f1

NEEDED = ("ingest_catalogue", "ingest_events", "fetch_images", "train_encoders", "fine_tune_encoders", "embed_items", "label_attributes")
NAMES = {"category": tuple(CATEGORIES), "colour": tuple(COLOURS), "pattern": tuple(PATTERNS), "material": tuple(MATERIALS)}


def main() -> None:
    """Read the arguments, draw, hide, label, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=Path("configs/demo.toml"))
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--hidden", type=float, default=0.4, help="Share of items that do not say an attribute, drawn for each.")
    parser.add_argument(
        "--joint-model", default="", help="A CLIP, SigLIP or Chinese-CLIP that guesses without learning; none: the classifier."
    )
    args = parser.parse_args()
    progress = Progress(Console(stderr=True))
    learned = {"labels.attributes": list(NAMES)}
    zero_shot = {"embed.joint_model": args.joint_model, "labels.zero_shot": NAMES, "labels.prompts": {"category": "a photo of a {}"}}
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(args.config, {"workspace": folder} | (zero_shot if args.joint_model else learned))
        workspace = config.open_workspace()
        root = workspace.root
        landing = Landing(
            events=root / "landing/events",
            catalogue=root / "landing/catalogue",
            users=root / "landing/users",
            images=root / "landing/images",
        )
        draw_shop(landing, root / "truth", seed=args.seed, size=ShopSize(num_items=args.items, num_users=300), progress=progress)
        stages = {stage.name: stage for stage in STAGES}
        always = datetime.max.replace(tzinfo=UTC)
        run_stage(stages["ingest_catalogue"], config, workspace, always, progress, forced=False)
        catalogue = workspace.read("catalogue").scan(CATALOGUE).collect()
        planted = np.load(root / "truth" / TRUTH)
        product = [int(item_id[1:]) for item_id in catalogue["item_id"]]
        truth = {name: np.array(values, dtype=object)[planted[f"product.{name}"][product]] for name, values in NAMES.items()}
        random = np.random.default_rng(args.seed)
        hidden = {name: random.random(len(catalogue)) < args.hidden for name in NAMES}
        landing.put_catalogue(_told(catalogue, truth, hidden), "sample-shop")
        for name in NEEDED:
            result = run_stage(stages[name], config, workspace, always, progress, forced=False)
        labels = workspace.read("attribute_labels").scan(ATTRIBUTE_LABELS).collect()
        columns = ("held out", "accuracy", "macro-F1", "most common", "hidden", "labelled", "right of these", "macro-F1 of these")
        table = Table("attribute", *columns, title=f"seed {args.seed}: {args.items} items, {result.seconds:.0f} s")
        for name, told in result.facts["measured"].items():
            guessed = dict(labels.filter(pl.col("attribute") == name).select("item_id", "value").iter_rows())
            rows = [row for row, item_id in enumerate(catalogue["item_id"]) if item_id in guessed]
            guesses = np.array([guessed[catalogue["item_id"][row]] for row in rows], dtype=object)
            right = (f"{(guesses == truth[name][rows]).mean():.3f}", f"{macro_f1(guesses, truth[name][rows]):.3f}") if rows else ("", "")
            measured = (str(told["items"]), *(f"{told[key]:.3f}" for key in ("accuracy", "macro_f1", "most_common")))
            table.add_row(name, *measured, str(int(hidden[name].sum())), str(len(rows)), *right)
        Console(width=160).print(table)
        for line in result.facts["told"]:
            print(line)


def _told(catalogue: pl.DataFrame, truth: dict[str, np.ndarray], hidden: dict[str, np.ndarray]) -> pl.DataFrame:
    """The catalogue in which items say what they do not hide."""
    attributes = [
        [{"name": name, "value": truth[name][row]} for name in NAMES if name != "category" and not hidden[name][row]]
        for row in range(len(catalogue))
    ]
    category = pl.Series([[] if lacks else [value] for value, lacks in zip(truth["category"], hidden["category"], strict=True)])
    return catalogue.with_columns(attributes=pl.Series(attributes, dtype=CATALOGUE.schema["attributes"]), category=category)


if __name__ == "__main__":
    main()

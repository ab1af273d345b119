"""What an attribute of users is worth to users without a history, on a sample shop without photos.

    python benchmarks/user_attributes.py --seeds 51 52

Each seed draws a small shop, which says of every user a favourite category: rightly of so many as `--told` says, at random of the others.
Nobody learns from a fifth of the users, so they are strangers in the last tenth of the log, by which epochs and priors are chosen and all
are judged. The retriever reads ids and categories; it is trained twice, with the attribute and without. The oracle knows what was planted.
"""

import argparse
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table
from sample_shop import oracle_scores, world

from feature_store.schema import USERS
from feature_store.splits import quantile_time
from pipelines.choosing_truth import Choosing
from pipelines.progress import Progress
from pipelines.retriever_training import train_and_choose
from pipelines.sample_shop.drawing import CATEGORIES
from pipelines.sample_shop.shop import START, ShopSize
from recsys.data.interactions import Interactions, build_interactions, with_attributes
from recsys.data.items import build_items
from recsys.data.relevance import Relevance
from recsys.evaluation.bootstrap import paired_difference
from recsys.evaluation.judge import per_user
from recsys.evaluation.truth import Truth, build_truth
from recsys.training.config import RetrieverConfig

SIZE = ShopSize(num_items=500, num_users=2000)
STRANGERS = 0.2
"""Share of the users whose events before the cut nobody learns from."""
CONFIG = RetrieverConfig(
    modalities=("category",), embedding_dim=32, epochs=8, patience=3, dropout=0.15, use_time_gap=False, threads=1, learning_rate=2e-3
)
ATTRIBUTE = "favourite"
K = 20


def main() -> None:
    """Read the arguments, measure every seed, print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[51, 52])
    parser.add_argument("--told", type=float, default=0.8, help="share of the users of whom the shop says the truth")
    args = parser.parse_args()
    for seed in args.seeds:
        Console(width=140).print(measure(seed, told=args.told))


def measure(seed: int, *, told: float) -> Table:
    """Draw a shop, train with and without the attribute, judge both."""
    _, policy, events, catalogue = world(seed, SIZE)
    random = np.random.default_rng((seed, 1))
    favourite = policy.shoppers.category.argmax(axis=1)
    said = np.where(random.random(len(favourite)) < told, favourite, random.integers(0, len(CATEGORIES), len(favourite)))
    user_ids = np.array(policy.shoppers.user_ids)
    users = pl.DataFrame({"user_id": user_ids, "attribute": ATTRIBUTE, "value": [CATEGORIES[place] for place in said]})
    users = users.with_columns(pl.lit(START - timedelta(days=1)).cast(USERS.schema["known_at"]).alias("known_at"))
    items = build_items(catalogue, {})
    cut = quantile_time(events.filter(pl.col("event_type") != "impression")["event_time"], 0.9)
    end: datetime = events["event_time"].max() + timedelta(seconds=1)  # type: ignore[operator, assignment]

    def read(rows: pl.DataFrame, before: datetime) -> Interactions:
        return build_interactions([rows.lazy()], vocabulary=items.vocabulary, relevance=Relevance(), known_before=before)

    strangers = user_ids[random.random(len(user_ids)) < STRANGERS].tolist()
    past = with_attributes(read(events.filter(~pl.col("user_id").is_in(strangers)), cut), users)
    truth = build_truth(past, read(events, end).between(cut, end), candidates=items.available(cut))
    values = {"oracle": _recall(oracle_scores(policy, items, truth.user_ids, first=cut, last=end), truth)}
    for name, attributes in (("with the attribute", (ATTRIBUTE,)), ("without it", ())):
        config = replace(CONFIG, user_attributes=attributes)
        with tempfile.TemporaryDirectory() as scratch:
            track = Progress(Console(stderr=True)).tracker(name)
            saved = train_and_choose(items, Choosing.by_window(truth), config, now=cut, scratch=Path(scratch), track=track)
        values[name] = _recall(saved.scorer().scores(past, truth.rows), truth)
    new = past.without_events(truth.rows)
    columns = ("model", f"strangers ({new.sum()}), Recall@{K}", f"others ({(~new).sum()})")
    table = Table(*columns, title=f"seed {seed}, {told:.0%} told rightly")
    for name, value in values.items():
        table.add_row(name, *(f"{np.nanmean(value[part]):.4f}" for part in (new, ~new)))
    told_of, plain = values["with the attribute"], values["without it"]
    leads = (paired_difference(told_of[part], plain[part], resamples=10_000, seed=0) for part in (new, ~new))
    table.add_row("lead", *(f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]" for lead in leads))
    return table


def _recall(scores: npt.NDArray[np.float32], truth: Truth) -> npt.NDArray[np.float64]:
    """(users,): share of what a user chose among the K best that are new to the user."""
    masked = np.where(truth.candidates, scores, -np.inf)
    user, item = truth.past.seen()[np.maximum(truth.rows, 0)].nonzero()
    known = truth.rows[user] >= 0
    masked[user[known], item[known]] = -np.inf
    listed = np.argsort(-masked, axis=1, kind="stable")[:, :K]
    return per_user(listed, truth.chosen["new"])[f"recall@{K}"]


if __name__ == "__main__":
    main()

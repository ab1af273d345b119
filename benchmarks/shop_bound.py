"""How much of the oracle's Recall@100 can be had at all on the sample shop.

    python benchmarks/shop_bound.py --seeds 1

The oracle knows every user's taste. Here somebody knows all the rest (the circles of taste, the shop's policy, the planted attributes)
and must infer each judged user's taste from the log before the validation cut: tastes are drawn as the shop draws its users and weighed
by the likelihood of what the user was shown and clicked, or of the clicked items alone, which is all that a retriever reads. Items are
ranked by the posterior mean of exposure times click. Then the same where items with few events before the cut are known only by their
photo and description, as a logistic regression reads them that learned the planted attributes of other items; the log is read as before.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sample_shop import SIZES, world
from shop_quality import Told, draw_and_embed, oracle_scores
from shop_tastes import Floats, click_rates, draw_tastes, posteriors, read_slates
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.config import Config, load_config
from pipelines.progress import Progress
from pipelines.sample_shop.products import QUALITY_SPREAD, Products
from pipelines.sample_shop.shop import START
from pipelines.validation_window import Window
from recsys.data.items import Items
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.truth import Truth

READ_FROM = {"colour": "image", "pattern": "image", "theme": "description", "material": "description"}
FEW_EVENTS = 10
NUM_READINGS = 8
"""Draws of what items with few events may be, over which click rates are averaged."""


def main() -> None:
    """Read the arguments, measure every seed, print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--tastes", type=int, default=8000, help="how many to draw; the posterior is a weighting of them")
    parser.add_argument("--config", type=Path, default=Path("configs/demo.toml"))
    args = parser.parse_args()
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            config = load_config(args.config, {"workspace": folder})
            window = draw_and_embed(config, seed, Progress(Console(stderr=True)))
            Console(width=160).print(measure(config, window, seed, num_tastes=args.tastes))


def measure(config: Config, window: Window, seed: int, *, num_tastes: int) -> Table:
    """One shop."""
    (products, policy, events, _), truth, random = world(seed), window.truth, np.random.default_rng(seed)
    tastes = draw_tastes(policy.shoppers, num_tastes, random)
    weights = posteriors(read_slates(events, window), tastes, products, truth.num_users)
    first, last = ((moment - START) / timedelta(days=1) for moment in (window.cuts.validation, window.cuts.test))
    days = np.linspace(first, last - 1, 8)
    few = np.bincount(truth.past.item_index, minlength=len(products)) < FEW_EVENTS
    read = read_items(products, window.items)
    guesses = (guess(products, few, read, random) for _ in range(NUM_READINGS))
    items_known = {
        "every item as planted": click_rates(tastes, products, days),
        f"below {FEW_EVENTS} events as read": np.mean([click_rates(tastes, drawn, days) for drawn in guesses], axis=0),
    }
    scores = {("taste", "every item as planted"): oracle_scores(config, window)}
    scores |= {(log, known): weight @ rates for known, rates in items_known.items() for log, weight in weights.items()}
    return table_of(scores, truth, f"seed {seed}: {truth.num_users} users; {facts(products, few, read, truth)}")


def read_items(products: Products, items: Items) -> dict[str, npt.NDArray[np.float64]]:
    """attribute -> (items, values): how likely each value is by photo or description, learned from other items; level without it."""
    read = {}
    for name, modality in READ_FROM.items():
        planted, vectors, told = getattr(products, name), items.vectors[modality], items.presence[modality]
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        read[name] = np.full((len(products), SIZES[name]), 1 / SIZES[name])
        read[name][told] = cross_val_predict(model, vectors[told], planted[told], cv=5, method="predict_proba")
    return read


def guess(
    products: Products, few: npt.NDArray[np.bool_], read: Mapping[str, npt.NDArray[np.float64]], random: np.random.Generator
) -> Products:
    """The products, where those with few events are drawn: attributes as they were read, quality as the shop draws it."""
    quality = random.normal(0, QUALITY_SPREAD, len(few)) + random.exponential(0.3, len(few))
    drawn = {name: (np.log(shares + 1e-12) + random.gumbel(size=shares.shape)).argmax(axis=1) for name, shares in read.items()}
    known = {name: np.where(few, values, getattr(products, name)) for name, values in (drawn | {"quality": quality}).items()}
    return replace(products, **known)


def facts(products: Products, few: npt.NDArray[np.bool_], read: Mapping[str, npt.NDArray[np.float64]], truth: Truth) -> str:
    """How many candidates have few events, and how well those are read."""
    right = {name: (shares.argmax(axis=1) == getattr(products, name))[few & truth.candidates].mean() for name, shares in read.items()}
    told = ", ".join(f"{name} {share:.0%}" for name, share in right.items())
    return f"{few[truth.candidates].mean():.0%} of candidates below {FEW_EVENTS} events, read right: {told}"


def table_of(scores: Mapping[tuple[str, str], Floats], truth: Truth, title: str) -> Table:
    """How good each ranking is, and its share of the first, which is the oracle's."""
    table, best = Table("known of the user", "known of items", "Recall@100", "of the oracle", "NDCG@10", title=title), 0.0
    for (log, known), values in scores.items():
        metrics = judge(FullRanking(Told(log, values)), truth).metrics["new"]
        recall, ndcg = float(np.nanmean(metrics["recall@100"])), float(np.nanmean(metrics["ndcg@10"]))
        best = best or recall
        table.add_row(log, known, f"{recall:.4f}", f"{recall / best:.1%}", f"{ndcg:.4f}")
    return table


if __name__ == "__main__":
    main()

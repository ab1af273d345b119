"""Whether the sample shop is neither too easy nor too hard, and whether its photos say what its texts do not.

    python benchmarks/sample_shop.py --seeds 1 2 3

Each seed is drawn without photos and cut where 90 % of the relevant events have happened. Printed per seed: the oracle's Recall@100,
the share of it that counting alone and the planted attributes alone reach, and the same for products never shown before the cut.
"""

import argparse
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table

from feature_store.splits import quantile_time
from pipelines.sample_shop.behaviour import simulate
from pipelines.sample_shop.drawing import CATEGORIES, COLOURS, MATERIALS, PATTERNS
from pipelines.sample_shop.oracle import Oracle, save_truth
from pipelines.sample_shop.policy import SLATE_LENGTH, Policy
from pipelines.sample_shop.products import Products, catalogue_of, plan_products
from pipelines.sample_shop.shop import IMPRESSIONS_PER_USER, START, ShopSize
from pipelines.sample_shop.shoppers import plan_shoppers
from pipelines.sample_shop.words import THEMES
from recsys.data.interactions import Interactions, build_interactions
from recsys.data.items import Items, build_items
from recsys.data.relevance import Relevance
from recsys.evaluation.judge import per_user
from recsys.evaluation.truth import Choices, Truth, build_truth
from recsys.models.baselines.build import build_baseline
from recsys.models.scorer import Scorer

SIZES = {"category": len(CATEGORIES), "colour": len(COLOURS), "pattern": len(PATTERNS), "theme": len(THEMES), "material": len(MATERIALS)}
ONLY_SEEN = {"colour", "pattern"}
ONLY_READ = {"theme"}
PRIOR_EVENTS = 3.0
"""Events of an average user that every user is taken to have had."""
K = 100


class PlantedAttributes:
    """Naive Bayes over the planted attributes of what a user wanted: what content could tell, were it read without error."""

    name = "planted attributes"

    def __init__(self, products: Products, past: Interactions, names: set[str]) -> None:
        self._hot = [np.eye(SIZES[name])[getattr(products, name)] for name in sorted(names)]
        self._wanted = past.keep(past.relevant).distinct().matrix()

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Sum over attributes of log(share of the value in what the user wanted / its share in the shop); zeros without a past."""
        total = np.zeros((len(rows), self._wanted.shape[1]))
        for hot in self._hot:
            share = hot.mean(axis=0)
            count = np.asarray(self._wanted @ hot)[np.maximum(rows, 0)] * (rows >= 0)[:, None]
            smoothed = (count + PRIOR_EVENTS * share) / (count.sum(axis=1, keepdims=True) + PRIOR_EVENTS)
            total += np.log(smoothed / share) @ hot.T
        return total.astype(np.float32)


def main() -> None:
    """Read the arguments, measure every seed, print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    for seed in parser.parse_args().seeds:
        Console().print(measure(seed))


def measure(seed: int) -> Table:
    """Draw a shop without its photos and judge every model on its last tenth."""
    products, policy, events, catalogue = world(seed)
    items = build_items(catalogue, {})
    cut = quantile_time(events.filter(pl.col("event_type") != "impression")["event_time"], 0.9)
    end: datetime = events["event_time"].max() + timedelta(seconds=1)  # type: ignore[operator, assignment]

    def read(before: datetime) -> Interactions:
        return build_interactions([events.lazy()], vocabulary=items.vocabulary, relevance=Relevance(), known_before=before)

    past = read(cut)
    truth = build_truth(past, read(end).between(cut, end), candidates=items.available(cut))
    touched = np.bincount(items.vocabulary.index(events.filter(pl.col("event_time") < cut)["item_id"]), minlength=len(items))
    fresh = touched == 0  # not even shown before the cut
    chosen = truth.chosen["new"]
    new = chosen.of(fresh[chosen.item])
    everyone = oracle_scores(policy, items, truth.user_ids, first=cut, last=end)
    scores = {"oracle": everyone}
    for name, strength in (("popularity", None), ("recent_popularity", 7), ("item_knn", 200), ("ease", 100), ("ease", 400)):
        model: Scorer = build_baseline(name, past, items, strength=strength)
        scores[f"{name} {strength or ''}".strip()] = model.scores(past, truth.rows)
    for name, left_out in (("planted attributes", set()), ("  without photos", ONLY_SEEN), ("  without texts", ONLY_READ)):
        scores[name] = PlantedAttributes(products, past, set(SIZES) - left_out).scores(past, truth.rows)

    random = K / int(truth.candidates.sum())
    columns = ("model", "Recall@100", "of the oracle", "on new items", "of random")
    table = Table(*columns, title=f"seed {seed}: {facts(events, truth, new.item, fresh)}")
    recall = {name: recalls(values, truth, chosen, new) for name, values in scores.items()}
    for name, (everything, on_new) in recall.items():
        share = everything / recall["oracle"][0]
        table.add_row(name, f"{everything:.4f}", f"{share:.1%}", f"{on_new:.4f}", f"{on_new / random:.1f} x")
    return table


def world(seed: int, size: ShopSize | None = None) -> tuple[Products, Policy, pl.DataFrame, pl.DataFrame]:
    """What `draw_shop` plans for this seed: products, policy, events, catalogue."""
    size = size or ShopSize()
    for_products, for_shoppers, for_texts, for_events, _ = np.random.default_rng(seed).spawn(5)
    products = plan_products(for_products, num_items=size.num_items, num_days=size.num_days)
    requests = size.num_users * IMPRESSIONS_PER_USER // SLATE_LENGTH
    shoppers = plan_shoppers(for_shoppers, num_users=size.num_users, num_days=size.num_days, num_requests=requests, sizes=SIZES)
    policy = Policy(products, shoppers)
    events = simulate(policy, for_events, num_days=size.num_days, start=START)
    return products, policy, events, catalogue_of(products, for_texts, start=START)


def oracle_scores(
    policy: Policy, items: Items, user_ids: npt.NDArray[np.object_], *, first: datetime, last: datetime
) -> npt.NDArray[np.float32]:
    """(users, items): the oracle knows every user, those without a past too."""
    with tempfile.TemporaryDirectory() as folder:
        save_truth(Path(folder), policy, start=START)
        oracle = Oracle(Path(folder), items, first=first, last=last)
    blocks = np.array_split(np.arange(len(user_ids)), max(1, len(user_ids) // 512))
    return np.concatenate([oracle.scores_of(user_ids[block].tolist()) for block in blocks])


def recalls(scores: npt.NDArray[np.float32], truth: Truth, chosen: Choices, new: Choices) -> tuple[float, float]:
    """Mean Recall@100 of users over all their choices new to them, and over those that are new items."""
    masked = np.where(truth.candidates, scores, -np.inf)
    known = np.flatnonzero(truth.rows >= 0)
    user, item = truth.past.seen()[truth.rows[known]].nonzero()
    masked[known[user], item] = -np.inf
    listed = np.argsort(-masked, axis=1, kind="stable")[:, :K]
    values = [float(np.nanmean(per_user(listed, choices)["recall@100"])) for choices in (chosen, new)]
    return values[0], values[1]


def facts(events: pl.DataFrame, truth: Truth, new_items: npt.NDArray[np.int64], fresh: npt.NDArray[np.bool_]) -> str:
    """What the shop counts."""
    kinds = dict(events["event_type"].value_counts().sort("event_type").rows())
    return (
        f"{kinds}, {truth.num_users} judged users ({(truth.rows < 0).mean():.1%} without a past), {len(truth.chosen['new'].user)} pairs, "
        f"{int((fresh & truth.candidates).sum())} of {int(truth.candidates.sum())} candidates never shown, {len(new_items)} pairs of those"
    )


if __name__ == "__main__":
    main()

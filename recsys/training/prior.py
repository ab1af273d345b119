"""How much recent popularity is added to a retriever's scores: chosen on validation, never assumed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.popularity import expected_of_new_item, expected_popularity
from recsys.training.one_standard_error import as_good
from recsys.training.worth import relative_worth

HALF_LIVES_DAYS = (7.0, 30.0, 120.0, 480.0)
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.8, 1.5, 3.0)
MOST_RECALL_LOST = 0.005
"""Share of the Recall@100 without a prior that a prior may cost, whatever it does for NDCG@10."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """weight * log(1 + users expected to want the item, fading with age), added to every user's score of the item."""

    half_life_days: float = HALF_LIVES_DAYS[0]
    weight: float = 0.0

    def values(self, past: Interactions, items: Items, *, now: datetime) -> npt.NDArray[np.float32]:
        """(items,), as known at a moment."""
        if self.weight == 0:
            return np.zeros(len(items), np.float32)
        expected = expected_popularity(past, items, now=now, half_life_days=self.half_life_days)
        return (self.weight * np.log1p(expected)).astype(np.float32)

    def of_new_item(self, past: Interactions, items: Items, *, now: datetime, dated: bool) -> float:
        """Of an item that nobody has met; see `expected_of_new_item`."""
        return float(self.weight * np.log1p(expected_of_new_item(past, items, now=now, half_life_days=self.half_life_days, dated=dated)))


def choose_prior(
    judge: Callable[[Prior], Mapping[str, npt.NDArray[np.float64]]],
) -> tuple[Prior, Mapping[str, npt.NDArray[np.float64]]]:
    """The least prior that is `as_good` as the best one, none among them, and what it was judged.

    Worth as in `relative_worth`, but what retrieval loses no later stage brings back: see MOST_RECALL_LOST.

    Args:
        judge: Metrics of the retriever with a prior for each judged user: `recall@100` and `ndcg@10`, NaN where nothing could be found.
    """
    priors = [Prior(), *(Prior(half_life_days=days, weight=weight) for weight in WEIGHTS for days in HALF_LIVES_DAYS)]
    judged = [judge(prior) for prior in priors]
    least_recall = (1 - MOST_RECALL_LOST) * np.nanmean(judged[0]["recall@100"])
    allowed = [number for number, values in enumerate(judged) if number == 0 or np.nanmean(values["recall@100"]) >= least_recall]
    worth = {number: relative_worth(judged[number], judged[0]) for number in allowed}
    best = max(worth.values(), key=lambda values: float(np.nanmean(values)))
    chosen = next(number for number, values in worth.items() if as_good(values, best))
    return priors[chosen], judged[chosen]

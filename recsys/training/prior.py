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
STRANGERS_WEIGHTS = (*WEIGHTS, 10.0)
"""The last leaves next to nothing to the model: of a user without a past it knows what it knows of all."""
MOST_RECALL_LOST = 0.005
"""Share of the Recall@100 without a prior that a prior may cost, whatever it does for NDCG@10."""

Judged = Mapping[str, npt.NDArray[np.float64]]
"""`recall@100` and `ndcg@10` of each judged user, NaN where nothing could be found."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """weight * log(1 + users expected to want the item, fading with age), added to a user's score of the item."""

    half_life_days: float = HALF_LIVES_DAYS[0]
    weight: float = 0.0
    """For a user with a history."""
    strangers_weight: float = 0.0
    """For a user without any event."""

    def log_popularity(self, past: Interactions, items: Items, *, now: datetime) -> npt.NDArray[np.float32]:
        """(items,): what is weighed, as known at a moment."""
        expected = expected_popularity(past, items, now=now, half_life_days=self.half_life_days)
        return np.log1p(expected).astype(np.float32)

    def of_new_item(self, past: Interactions, items: Items, *, now: datetime, dated: bool) -> float:
        """The same of an item that nobody has met; see `expected_of_new_item`."""
        return float(np.log1p(expected_of_new_item(past, items, now=now, half_life_days=self.half_life_days, dated=dated)))


def choose_prior(judge: Callable[[float, float], Judged], *, strangers: npt.NDArray[np.bool_]) -> Prior:
    """The least weight that is `as_good` as the best one, none among them; first for users with a history, then for those without.

    Worth as in `relative_worth`, but what retrieval loses no later stage brings back: see MOST_RECALL_LOST. The less is known of a user,
    the more popularity says: strangers get no smaller weight than others. It fades alike for all, as it suits those with a history,
    unless they want no prior. Where only one of the two groups can be judged, it speaks for both.

    Args:
        judge: What the judged users get with a half-life in days and a weight, the same for all of them; weight 0 is no prior.
        strangers: (users,) which of the judged have no history.
    """
    found: dict[tuple[float, float], Judged] = {}

    def best(users: npt.NDArray[np.bool_], options: list[tuple[float, float]]) -> tuple[float, float]:
        found.update({option: judge(*option) for option in options if option not in found})
        return _least_as_good({option: {name: values[users] for name, values in found[option].items()} for option in options})

    none = (HALF_LIVES_DAYS[0], 0.0)
    everybody = [none, *((days, weight) for weight in WEIGHTS for days in HALF_LIVES_DAYS)]
    found[none] = judge(*none)
    judged = ~np.isnan(found[none]["recall@100"])
    if not (judged & strangers).any() or not (judged & ~strangers).any():
        days, weight = best(judged, everybody)
        return Prior(half_life_days=days, weight=weight, strangers_weight=weight)
    days, weight = best(judged & ~strangers, everybody)
    fading = (days,) if weight else HALF_LIVES_DAYS
    more = [(days, weight), *((other, larger) for larger in STRANGERS_WEIGHTS if larger > weight for other in fading)]
    days, strangers_weight = best(judged & strangers, more)
    return Prior(half_life_days=days, weight=weight, strangers_weight=strangers_weight)


def _least_as_good(judged: Mapping[tuple[float, float], Judged]) -> tuple[float, float]:
    """The first option that is as good as the best of those that cost the first one no more recall than allowed."""
    first = next(iter(judged.values()))
    least_recall = (1 - MOST_RECALL_LOST) * np.nanmean(first["recall@100"])
    allowed = {option: values for option, values in judged.items() if values is first or np.nanmean(values["recall@100"]) >= least_recall}
    worth = {option: relative_worth(values, first) for option, values in allowed.items()}
    best = max(worth.values(), key=lambda values: float(np.nanmean(values)))
    return next(option for option, values in worth.items() if as_good(values, best))

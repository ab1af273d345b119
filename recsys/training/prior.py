"""How much recent popularity is added to a retriever's scores: chosen on validation, never assumed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.popularity import expected_of_new_item, expected_popularity
from recsys.training.worth import best_unless_first_is_as_good, relative_worth

HALF_LIVES_DAYS = (7.0, 30.0, 120.0, 480.0)
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.8, 1.5, 3.0, 10.0)
"""The last leaves next to nothing to the model, which of a user without a past knows no more than popularity does."""
MOST_RECALL_LOST = 0.005
"""Share of the Recall@100 of the least weight allowed (for strangers that of the others) that more of it may cost."""

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
    """The best weight for users with a history, and for those without; none where that is `as_good`, so that chance adds no popularity.

    Worth as in `relative_worth`, but what retrieval loses no later stage brings back: see MOST_RECALL_LOST. Popularity fades alike for all,
    as promises most to all of them. The less is known of a user, the more it says: strangers get no smaller weight than others. Where only
    one of the groups can be judged, it speaks for both.

    Args:
        judge: What the judged users get with a half-life in days and a weight, the same for all of them; weight 0 is no prior.
        strangers: (users,) which of the judged have no history.
    """
    none = judge(HALF_LIVES_DAYS[0], 0.0)
    found = {days: {0.0: none} | {weight: judge(days, weight) for weight in WEIGHTS} for days in HALF_LIVES_DAYS}
    some = ~np.isnan(none["recall@100"])
    groups = [users for users in (some & ~strangers, some & strangers) if users.any()]

    def worth(users: npt.NDArray[np.bool_], days: float, *, least: float) -> dict[float, npt.NDArray[np.float64]]:
        """Weight -> what it is worth to each of these users: the least one, and those above that cost no more recall than allowed."""
        values = {weight: {name: each[users] for name, each in judged.items()} for weight, judged in found[days].items() if weight >= least}
        least_recall = (1 - MOST_RECALL_LOST) * values[least]["recall@100"].mean()
        return {
            weight: relative_worth(judged, none)
            for weight, judged in values.items()
            if weight == least or judged["recall@100"].mean() >= least_recall
        }

    def promise(days: float) -> float:
        return sum(max(float(values.sum()) for values in worth(users, days, least=0.0).values()) for users in groups)

    days = max(HALF_LIVES_DAYS, key=promise)
    weights = [0.0]
    for users in groups:
        options = worth(users, days, least=weights[-1])
        weights.append(list(options)[best_unless_first_is_as_good(list(options.values()))])
    return Prior(half_life_days=days, weight=weights[1], strangers_weight=weights[-1])

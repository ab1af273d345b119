"""How much recent popularity is added to a retriever's scores: chosen on validation, never assumed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.data.popularity import expected_popularity

WINDOWS_DAYS = (30.0, 90.0, 365.0)
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.8)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """weight * log(1 + users expected to want the item in a window), added to every user's score of the item."""

    window_days: float = WINDOWS_DAYS[0]
    weight: float = 0.0

    def values(self, past: Interactions, items: Items, *, now: datetime) -> npt.NDArray[np.float32]:
        """(items,), as known at a moment."""
        if self.weight == 0:
            return np.zeros(len(items), np.float32)
        expected = expected_popularity(past, items, now=now, window_days=self.window_days)
        return (self.weight * np.log1p(expected)).astype(np.float32)


def choose_prior(judge: Callable[[Prior], float]) -> tuple[Prior, float]:
    """The prior that is judged best, none among them, and its value; of equals the smaller weight."""
    priors = [Prior(), *(Prior(window_days=days, weight=weight) for weight in WEIGHTS for days in WINDOWS_DAYS)]
    values = [judge(prior) for prior in priors]
    best = int(np.argmax(values))
    return priors[best], values[best]

"""What most users wanted, the same for everybody: the least that any model must beat."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions
from recsys.models.baselines.liked import num_likes


class Popularity:
    """Score an item by the number of users who wanted it.

    Args:
        interactions: The past to count.
    """

    name = "popularity"

    def __init__(self, interactions: Interactions) -> None:
        self.values = num_likes(interactions)

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items): one row, repeated; nobody's past matters."""
        return np.tile(self.values, (len(rows), 1))


class RecentPopularity(Popularity):
    """Score an item by the number of users who wanted it lately; of equally many, the item more wanted over all time comes first.

    Args:
        interactions: The past to count.
        days: Length of the window that ends with the newest event.
    """

    name = "recent_popularity"

    def __init__(self, interactions: Interactions, *, days: float) -> None:
        super().__init__(interactions)
        self.values = recent_likes(interactions, days=days) + self.values / (self.values.max(initial=0) + 1)


def recent_likes(interactions: Interactions, *, days: float) -> npt.NDArray[np.float32]:
    """(items,): users who wanted the item in the window of this many days that ends with the newest event.

    Raises:
        ValueError: The window has no length.
    """
    if not days > 0:
        raise ValueError(f"the window of recent popularity is {days} days; it must be above 0")
    newest = interactions.event_time.max(initial=0)
    return num_likes(interactions.keep(interactions.event_time > newest - int(days * MICROSECONDS_PER_DAY)))

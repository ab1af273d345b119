"""What every model that can be judged has in common: it scores all items for users whose past it is shown."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions


class Scorer(Protocol):
    """A trained recommender, whatever it is inside."""

    @property
    def name(self) -> str:
        """As it stands in reports, e.g. `ease`."""
        ...

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Score every item for some users.

        Args:
            past: What may be known of the users; it need not be what the model was trained on, but has the same items.
            rows: (users,) rows of `past.user_ids`; -1 stands for a user of whom nothing is known.

        Returns:
            (users, items); higher is better. Nothing is masked: seen and unavailable items are the caller's matter.
        """
        ...

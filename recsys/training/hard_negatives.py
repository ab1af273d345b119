"""Where the hard negatives of a step come from."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from recsys.data.passed_over import PassedOver
from recsys.data.sequences import SequenceBatch
from recsys.models.two_tower import TwoTower
from recsys.training.nearest import NearestItems
from recsys.training.negatives_config import NegativesConfig
from recsys.training.pools import Pools


class HardNegatives:
    """Pools of what is nearest to each history of a batch, and of what its user passed over; each only if it is asked for.

    Args:
        config: Settings.
        passed_over: By the users of the past, of items that anyone has met; None: nothing is known.
        row: (items,) rows of items among those met.
    """

    def __init__(self, config: NegativesConfig, passed_over: PassedOver | None, row: Int[Tensor, " items"]) -> None:
        self._config, self._passed_over, self._row = config, passed_over, row
        self._nearest: NearestItems | None = None

    def begin_epoch(self, average: TwoTower, index: Float[Tensor, "met all_dims"] | None) -> None:
        """Look for what is nearest in another index; see `NearestItems`."""
        self._nearest = None if index is None else NearestItems(average, index)

    def pools(self, batch: SequenceBatch, read: Int[Tensor, "pieces length"]) -> Iterator[Pools]:
        """Where to draw from, for a whole batch and its items as rows of those met."""
        if self._nearest:
            yield self._nearest.pools(batch, read, self._config.hard_negatives)
        if self._passed_over and self._config.passed_over_negatives:
            owner, item = (torch.from_numpy(values).to(read.device) for values in self._passed_over.by(batch.user_row))
            yield Pools(self._row[item], owner, self._config.passed_over_negatives)

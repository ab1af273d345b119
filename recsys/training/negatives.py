"""The candidates of a step where the catalogue is too long for all of it, and how likely each of them was to be one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recsys.training.memory import Memory, Remembered
from recsys.training.negatives_config import NegativesConfig
from recsys.training.pools import Pools


@dataclass(frozen=True)
class Candidates:
    """What the targets of a step must win against, each item once."""

    rows: Int[Tensor, " candidates"]
    """As rows of the items that anyone has met: those that the step embeds in ascending order, behind them what is remembered."""
    log_q: Float[Tensor, " candidates"] | None = None
    """Log of how likely each was to be a candidate; None: certain."""
    remembered: Remembered | None = None
    lasting: Bool[Tensor, " embedded"] | None = None
    """Which of the embedded ones may be remembered; None: all."""
    stands_for: Float[Tensor, " candidates"] | None = None
    """How much likelier each is to be a candidate than to be an embedded one, which alone learns; None: as likely."""

    @property
    def embedded(self) -> Int[Tensor, " embedded"]:
        """Those whose vectors the step works out."""
        return self.rows if self.remembered is None else self.rows[: len(self.rows) - len(self.remembered.rows)]

    def number(self, rows: Int[Tensor, " wanted"]) -> Int[Tensor, " wanted"]:
        """Which candidates some of the embedded ones are, by their rows."""
        return torch.searchsorted(self.embedded, rows)

    def vectors(self, embedded: Float[Tensor, "embedded all_dims"]) -> Float[Tensor, "candidates all_dims"]:
        """Vectors of all candidates, given those of the embedded ones."""
        return embedded if self.remembered is None else torch.cat([embedded, self.remembered.vectors])


class Negatives:
    """Draws candidates: the items of the batch's targets, a uniform sample, hard ones, and what is remembered of earlier steps.

    All targets of a step share its candidates, an item drawn twice is one candidate, and its `log_q` is the log of its chance to be drawn
    at all, from anywhere.

    * In a batch an item stands among n targets with chance 1 - (1 - f)^n, where f is its share of all events. Yi et al. (RecSys 2019)
      estimate f from a stream that never ends; here the past is known as a whole, and counted. The chance of a
      uniform draw is added, at most to 1, which is close where both are small.
    * A memory makes the same draws more often: n are then the targets of this step and of those remembered. What is remembered cannot
      learn that it was a negative, so those embedded learn the more: `stands_for` keeps the mean of their gradients what it is without.
    * The chance of a hard negative follows from the pools it is drawn from. So hard negatives do not change what is learned, the softmax
      over the catalogue; they let the sample say more of the items that count most in it. Those of a step are hard for its users alone, so
      they are not remembered.

    Args:
        frequency: (items met,) share of all events.
        config: Settings.
    """

    def __init__(self, frequency: Float[Tensor, " met"], config: NegativesConfig) -> None:
        self._frequency, self._config = frequency, config
        self._memory = Memory(config.memory_items)

    def begin_epoch(self) -> None:
        """Forget what the epoch before has left."""
        self._memory.clear()

    def draw(self, targets: Int[Tensor, " targets"], pools: Sequence[Pools], *, random: torch.Generator | None) -> Candidates:
        """Candidates of a step.

        Args:
            targets: Items of all targets of the batch, as rows of those met.
            pools: From which hard negatives are drawn.
            random: Draws; the same on all ranks.
        """
        met, number = len(self._frequency), self._config.uniform_negatives
        uniform = torch.randint(met, (number,), generator=random).to(targets.device)
        sampled = torch.unique(torch.cat([targets, uniform]))
        embedded = torch.unique(torch.cat([sampled, *(pool.draw(random) for pool in pools)]))
        remembered = self._memory.beside(embedded)
        rows, draws, times = embedded, len(targets), 1
        if remembered is not None:
            rows = torch.cat([embedded, remembered.rows])
            draws, times = draws + remembered.targets, times + remembered.steps
        chance = self._chance(rows, pools, targets=draws, steps=times)
        lasting = torch.isin(embedded, sampled) if pools else None
        if remembered is None:
            return Candidates(rows, chance.log(), lasting=lasting)
        stands_for = chance / self._chance(rows, pools, targets=len(targets), steps=1)
        return Candidates(rows, chance.log(), remembered, lasting, stands_for)

    def _chance(self, rows: Int[Tensor, " wanted"], pools: Sequence[Pools], *, targets: int, steps: int) -> Float[Tensor, " wanted"]:
        """How likely some items are to be drawn in so many steps with so many targets, or from pools."""
        in_batch = -torch.expm1(targets * torch.log1p(-self._frequency[rows]))
        chance = in_batch + steps * self._config.uniform_negatives / len(self._frequency)
        for pool in pools:
            chance = chance + (1 - chance).clamp(min=0.0) * pool.chance(rows)
        return chance.clamp(max=1.0)

    def remember(self, candidates: Candidates, embedded: Float[Tensor, "embedded all_dims"], *, targets: int) -> None:
        """Keep the candidates of a step for later ones.

        Args:
            candidates: As they were drawn.
            embedded: Vectors of the embedded ones.
            targets: How many the batch had.
        """
        if self._config.memory_items:
            rows, vectors = candidates.embedded, embedded.detach()
            kept = slice(None) if candidates.lasting is None else candidates.lasting
            self._memory.add(Remembered(rows[kept], vectors[kept], targets))

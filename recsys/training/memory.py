"""Candidates of earlier steps, which are candidates still: many negatives for the price of keeping them."""

from collections import deque
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Remembered:
    """Candidates of one or several earlier steps."""

    rows: Int[Tensor, " remembered"]
    """Which items, as rows of those that anyone has met."""
    vectors: Float[Tensor, "remembered all_dims"]
    """As they were then, biases behind them; no gradient flows into them."""
    targets: int
    """How many targets those steps had, of which each drew its item."""
    steps: int = 1


class Memory:
    """A queue of the newest steps (Wang et al., CVPR 2020; of two towers Wang et al., SIGIR 2021).

    Vectors move little from step to step, so those of a few steps ago still say well enough where the items lie. Whole steps are forgotten
    at once: then it is known how many draws the memory stands for, and so how likely an item is to be in it. An epoch begins with nothing
    remembered; a training that goes on from a checkpoint needs no memory of what was before.

    Args:
        size: Most candidates that are kept, an item of two steps counted twice; 0: nothing is.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._newest_first: deque[Remembered] = deque()

    def clear(self) -> None:
        """Forget everything."""
        self._newest_first.clear()

    def add(self, step: Remembered) -> None:
        """Remember a step, and forget as many of the oldest as is needed."""
        self._newest_first.appendleft(step)
        while sum(len(old.rows) for old in self._newest_first) > self._size:
            self._newest_first.pop()

    def beside(self, rows: Int[Tensor, " candidates"]) -> Remembered | None:
        """What is remembered of other items than these, each once, as it was last; None where no step is remembered.

        Args:
            rows: Items that are candidates anyway, each once.
        """
        if not self._newest_first:
            return None
        older = torch.cat([rows, *(step.rows for step in self._newest_first)])
        kept = _first_of_each(older)
        kept = kept[kept >= len(rows)] - len(rows)
        return Remembered(
            rows=older[len(rows) :][kept],
            vectors=torch.cat([step.vectors for step in self._newest_first])[kept],
            targets=sum(step.targets for step in self._newest_first),
            steps=len(self._newest_first),
        )


def _first_of_each(values: Int[Tensor, " values"]) -> Int[Tensor, " different"]:
    """Places where a value stands for the first time, in ascending order."""
    different, which = torch.unique(values, return_inverse=True)
    places = torch.arange(len(values), device=values.device)
    first = torch.full_like(different, len(values)).scatter_reduce(0, which, places, "amin")
    return first.sort().values

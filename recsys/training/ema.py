"""Exponential moving average of weights: steadier than the last step's."""

import copy
import math
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


class MovingAverage(Generic[Model]):
    """A copy of a model whose parameters follow it slowly (Polyak and Juditsky, 1992).

    A table of which a step changes a few rows is averaged row by row, so that a step costs what it touches: call `settle` with the rows
    before they change, and without before the average is used.

    Args:
        model: The model in training.
        decay: Share of the average that stays at each step; the first steps use less, so that the start is soon forgotten.
        table: Finds such a table in a model, or None.
    """

    def __init__(self, model: Model, *, decay: float, table: Callable[[Model], Float[Tensor, "rows dim"]] | None = None) -> None:
        self.average: Model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay
        self.steps = 0
        self._table = None if table is None else (table(self.average).detach(), table(model).detach())
        long = set() if self._table is None else {values.data_ptr() for values in self._table}
        pairs = zip(self.average.parameters(), model.parameters(), strict=True)
        apart = [(mine, theirs.detach()) for mine, theirs in pairs if mine.data_ptr() not in long]
        self._mine: list[Tensor] = [mine for mine, _ in apart]
        self._theirs = [theirs for _, theirs in apart]
        self._log_kept = 0.0
        """Log of the share that an average keeps from when all rows were settled until now."""
        rows = 0 if self._table is None else len(self._table[0])
        self._row_log_kept = torch.zeros(rows, dtype=torch.float64, device=None if self._table is None else self._table[0].device)
        """The same until each row was settled."""

    @torch.no_grad()
    def update(self) -> None:
        """Follow the model one step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        self._log_kept += math.log(decay)
        torch._foreach_lerp_(self._mine, self._theirs, 1 - decay)

    @torch.no_grad()
    def settle(self, rows: Int[Tensor, " changing"] | None = None) -> None:
        """Bring rows of the table up to the step done last; they must not have changed since they were settled before.

        Args:
            rows: Each once; None: all.
        """
        if self._table is None:
            return
        mine, theirs = self._table
        if rows is None:
            mine.lerp_(theirs, self._share(self._row_log_kept).to(mine.dtype))
            self._log_kept = 0.0
            self._row_log_kept.zero_()
        else:
            mine[rows] = torch.lerp(mine[rows], theirs[rows], self._share(self._row_log_kept[rows]).to(mine.dtype))
            self._row_log_kept[rows] = self._log_kept

    def _share(self, row_log_kept: Float[Tensor, " rows"]) -> Float[Tensor, "rows 1"]:
        """How far a row that stood still since then goes towards the model's."""
        return -torch.expm1(self._log_kept - row_log_kept)[:, None]

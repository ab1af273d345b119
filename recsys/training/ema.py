"""Exponential moving average of weights: steadier than the last step's."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


class MovingAverage(Generic[Model]):
    """A copy of a model whose parameters follow it slowly (Polyak and Juditsky, 1992).

    Args:
        model: The model in training.
        shared: A part that is not averaged but shared with the model, e.g. a table too long to keep twice.
        decay: Share of the average that stays at each step; the first steps use less, so that the start is soon forgotten.
    """

    def __init__(self, model: Model, *, decay: float, shared: nn.Module | None = None) -> None:
        self.average: Model = copy.deepcopy(model, {} if shared is None else {id(shared): shared}).eval()
        self._decay = decay
        self.steps = 0
        pairs = zip(self.average.parameters(), model.parameters(), strict=True)
        apart = [(mine, theirs.detach()) for mine, theirs in pairs if mine is not theirs]
        self._mine = [mine.requires_grad_(False) for mine, _ in apart]
        self._theirs = [theirs for _, theirs in apart]

    @torch.no_grad()
    def update(self) -> None:
        """Follow the model one step."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mine, self._theirs, 1 - decay)

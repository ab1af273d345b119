import pytest
import torch
from torch import nn

from recsys.training.ema import MovingAverage


def test_the_average_follows_slowly_and_faster_at_the_start() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = MovingAverage(model, decay=0.99)
    nn.init.ones_(model.weight)
    average.update()
    assert average.average.weight.item() == pytest.approx(1 - 2 / 11)  # the first step keeps (1 + 1) / (10 + 1)


def test_a_shared_part_is_not_copied() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    average = MovingAverage(model, decay=0.9, shared=model[0]).average
    assert average[0] is model[0]
    assert average[1] is not model[1]
    assert model[0].weight.requires_grad


def test_the_average_learns_nothing_by_itself() -> None:
    average = MovingAverage(nn.Linear(2, 2), decay=0.9).average
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert torch.is_tensor(average.weight)

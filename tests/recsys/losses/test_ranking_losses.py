"""What every loss over labelled slates must satisfy."""

import math
from collections.abc import Callable

import pytest
import torch

from recsys.losses.listwise import listwise
from recsys.losses.multitask import multitask
from recsys.losses.pointwise import pointwise


def both(logits: torch.Tensor, labels: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    return multitask(logits, labels, there, listwise_weight=1.0)


LOSSES = pytest.mark.parametrize("loss", [pointwise, listwise, both])
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@LOSSES
def test_falls_when_the_score_of_the_right_item_rises(loss: Loss) -> None:
    labels, there = torch.tensor([[[True], [False]]]), torch.ones(1, 2, dtype=torch.bool)
    low, high = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [0.0]]])
    assert loss(high, labels, there).sum() < loss(low, labels, there).sum()


@LOSSES
def test_padding_changes_nothing(loss: Loss) -> None:
    logits, labels = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 3, 2, dtype=torch.bool)
    labels[:, 0] = True
    there = torch.ones(2, 3, dtype=torch.bool)
    there[:, 2] = False
    other = logits.clone()
    other[:, 2] = 50
    torch.testing.assert_close(loss(logits, labels, there), loss(other, labels, there))


@LOSSES
def test_finite_and_with_gradient_without_any_positive(loss: Loss) -> None:
    logits = torch.randn(2, 3, 1, requires_grad=True)
    value = loss(logits, torch.zeros(2, 3, 1, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)).sum()
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_listwise_of_equal_scores_is_the_entropy_of_a_draw() -> None:
    value = listwise(torch.zeros(1, 4, 1), torch.tensor([[[True], [False], [False], [False]]]), torch.ones(1, 4, dtype=torch.bool))
    assert value.item() == pytest.approx(math.log(4))

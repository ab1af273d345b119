import math

import pytest
import torch

from recsys.losses.alignment.contrastive import contrastive

ONE = torch.tensor(1.0)


def test_two_right_pairs_at_right_angles() -> None:
    loss = contrastive(torch.eye(2), torch.eye(2), torch.arange(2), temperature=ONE)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))  # -log(e / (e + 1)) in each direction


def test_a_batch_of_one_costs_nothing() -> None:
    assert float(contrastive(torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1, dtype=torch.int64), temperature=ONE)) == 0


def test_the_same_thing_is_no_negative() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(contrastive(vectors, vectors, torch.tensor([5, 5]), temperature=ONE)) == 0
    assert float(contrastive(vectors, vectors, torch.tensor([5, 6]), temperature=ONE)) == pytest.approx(math.log(2))


def test_the_temperature_gets_a_gradient() -> None:
    temperature = torch.tensor(0.1, requires_grad=True)
    contrastive(torch.eye(4), torch.eye(4).roll(1, 0), torch.tensor([0, 1, 1, 2]), temperature=temperature).backward()
    assert temperature.grad is not None
    assert temperature.grad.abs() > 0

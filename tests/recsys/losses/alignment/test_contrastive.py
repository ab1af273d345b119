import math

import pytest
import torch
from torch.nn.functional import normalize

from recsys.losses.alignment.contrastive import contrastive

ONE = torch.tensor(1.0)


def test_two_right_pairs_at_right_angles() -> None:
    loss = contrastive(torch.eye(2), torch.eye(2), torch.arange(2), temperature=ONE)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))  # -log(e / (e + 1)) in each direction


def test_it_falls_when_the_partner_comes_closer() -> None:
    left = normalize(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    right = normalize(torch.randn(8, 4, generator=torch.Generator().manual_seed(1)), dim=-1)
    far, near = (contrastive(left, normalize(right + pull * left, dim=-1), torch.arange(8), temperature=ONE) for pull in (0.0, 0.5))
    assert near < far


def test_a_batch_of_one_costs_nothing() -> None:
    assert float(contrastive(torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1, dtype=torch.int64), temperature=ONE)) == 0


def test_the_same_thing_is_no_negative() -> None:
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(contrastive(vectors, vectors, torch.tensor([5, 5]), temperature=ONE)) == 0
    assert float(contrastive(vectors, vectors, torch.tensor([5, 6]), temperature=ONE)) == pytest.approx(math.log(2))


def test_gradient_reaches_every_input_and_is_finite() -> None:
    inputs = [torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True), torch.tensor(0.1, requires_grad=True)]
    contrastive(inputs[0], inputs[1], torch.tensor([0, 1, 1, 2]), temperature=inputs[2]).backward()
    assert all(tensor.grad is not None and tensor.grad.isfinite().all() and tensor.grad.abs().sum() > 0 for tensor in inputs)


def test_the_two_sides_may_change_places() -> None:
    left, right = torch.randn(5, 3), torch.randn(5, 3)
    one, other = (contrastive(*pair, torch.arange(5), temperature=ONE) for pair in ((left, right), (right, left)))
    assert float(one) == pytest.approx(float(other), rel=1e-5)

"""Where it hurts most, and no further."""

import torch
from torch import Tensor

from recsys.models.two_tower import QUESTIONS
from recsys.training.perturbation import worst_shift

TABLE = torch.cat([torch.tensor([[3.0, 4.0], [0.0, 2.0], [1.0, 0.0]]), torch.ones(3, QUESTIONS)], dim=1)
SLOPE = torch.tensor([[1.0, 0.0, 5.0, 5.0], [3.0, 4.0, 5.0, 5.0], [0.0, 0.0, 5.0, 5.0]])


def _shift(length: float) -> Tensor:
    return worst_shift(lambda table: (table * SLOPE).sum(), TABLE, length=length, total=lambda gradient: gradient)


def test_each_vector_moves_along_its_gradient_by_a_share_of_its_length_and_biases_stay() -> None:
    expected = torch.tensor([[0.5, 0.0], [0.12, 0.16], [0.0, 0.0]])  # 0.1 * 5 * (1, 0); 0.1 * 2 * (0.6, 0.8); no gradient
    torch.testing.assert_close(_shift(0.1), torch.cat([expected, torch.zeros(3, QUESTIONS)], dim=1))


def test_no_other_shift_as_long_costs_more() -> None:
    torch.manual_seed(0)
    worst = _shift(0.1)
    other = torch.nn.functional.normalize(torch.randn(3, 2), dim=1) * 0.1 * TABLE[:, :2].norm(dim=1, keepdim=True)
    assert (worst * SLOPE).sum() > (other * SLOPE[:, :2]).sum()

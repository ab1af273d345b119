"""What every alignment loss must satisfy, whatever its kind."""

import math
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from recsys.encoders.config import EmbedConfig
from recsys.losses.alignment import ALIGNMENT_LOSSES, AlignmentLoss

DIM, ROWS = 16, 8
TEMPERATURE = torch.tensor(0.1)
STRANGERS = torch.arange(ROWS)
"""A group for each row."""


def random_unit(rows: int, *, seed: int) -> Tensor:
    return normalize(torch.randn(rows, DIM, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture(params=sorted(ALIGNMENT_LOSSES))
def loss(request: pytest.FixtureRequest) -> AlignmentLoss:
    return ALIGNMENT_LOSSES[request.param](DIM)


@pytest.mark.parametrize("group", [STRANGERS, STRANGERS // 2, STRANGERS // 4, torch.zeros_like(STRANGERS)])
def test_it_and_its_gradients_are_finite_however_rows_are_grouped(loss: AlignmentLoss, group: Tensor) -> None:
    left, right = random_unit(ROWS, seed=0).requires_grad_(), random_unit(ROWS, seed=1).requires_grad_()
    value = loss(left, right, group, temperature=TEMPERATURE)
    value.backward()
    assert value.isfinite()
    assert all(side.grad is not None and side.grad.isfinite().all() for side in (left, right))


def test_both_sides_get_a_gradient(loss: AlignmentLoss) -> None:
    left, right = random_unit(ROWS, seed=0).requires_grad_(), random_unit(ROWS, seed=1).requires_grad_()
    loss(left, right, STRANGERS, temperature=TEMPERATURE).backward()
    assert all(side.grad is not None and (side.grad.abs().sum(dim=1) > 0).any() for side in (left, right))


def test_a_batch_of_one_is_finite_and_so_are_its_gradients(loss: AlignmentLoss) -> None:
    left, right = random_unit(1, seed=0).requires_grad_(), random_unit(1, seed=1).requires_grad_()
    value = loss(left, right, torch.zeros(1, dtype=torch.long), temperature=TEMPERATURE)
    value.backward()
    assert value.isfinite()
    assert all(side.grad is not None and side.grad.isfinite().all() for side in (left, right))


def test_it_falls_as_the_partners_come_closer(loss: AlignmentLoss) -> None:
    left, right = random_unit(ROWS, seed=0), random_unit(ROWS, seed=1)
    near = normalize(right + 2 * left, dim=1)
    assert loss(left, near, STRANGERS, temperature=TEMPERATURE) < loss(left, right, STRANGERS, temperature=TEMPERATURE)


def test_partners_that_meet_leave_a_gradient_that_is_finite(loss: AlignmentLoss) -> None:
    left = random_unit(ROWS, seed=0)
    right = left.clone().requires_grad_()
    loss(left, right, STRANGERS, temperature=TEMPERATURE).backward()
    assert right.grad is not None
    assert right.grad.isfinite().all()


def test_the_order_of_the_rows_changes_nothing(loss: AlignmentLoss) -> None:
    left, right, group = random_unit(ROWS, seed=0), random_unit(ROWS, seed=1), STRANGERS // 2
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(2))
    value = loss(left, right, group, temperature=TEMPERATURE)
    torch.testing.assert_close(loss(left[order], right[order], group[order], temperature=TEMPERATURE), value)


def test_the_sides_may_change_places(loss: AlignmentLoss) -> None:
    left, right = random_unit(ROWS, seed=0), random_unit(ROWS, seed=1)
    value = loss(left, right, STRANGERS, temperature=TEMPERATURE)
    torch.testing.assert_close(loss(right, left, STRANGERS, temperature=TEMPERATURE), value)


def test_a_group_of_identical_rows_costs_what_one_of_them_costs_alone(loss: AlignmentLoss) -> None:
    left, right = random_unit(1, seed=0), random_unit(1, seed=1)
    alone = loss(left, right, torch.zeros(1, dtype=torch.long), temperature=TEMPERATURE)
    together = loss(left.expand(ROWS, -1), right.expand(ROWS, -1), torch.zeros(ROWS, dtype=torch.long), temperature=TEMPERATURE)
    torch.testing.assert_close(together, alone)


def test_the_config_may_name_every_loss_and_no_other() -> None:
    assert sorted(get_args(get_type_hints(EmbedConfig)["train_alignment"])) == sorted(ALIGNMENT_LOSSES)


AT_RIGHT_ANGLES = torch.eye(2, DIM)
"""Two rows; with the same on the other side, partners have cosine 1 and strangers 0."""
CROSSED = AT_RIGHT_ANGLES.flip(0)
"""On the other side of those: partners have cosine 0 and strangers 1."""
SIGMOID_COST = {cosine: math.log(1 + math.exp(cosine)) for cosine in (-1, 0, 1)}


@pytest.mark.parametrize(
    ("name", "right", "expected"),
    [
        ("cosine", AT_RIGHT_ANGLES, 0.0),
        ("cosine", CROSSED, 1.0),
        ("joint_embedding_mse", AT_RIGHT_ANGLES, 0.0),
        ("joint_embedding_mse", CROSSED, 2 / DIM),  # two of sixteen coordinates differ by one
        ("triplet", AT_RIGHT_ANGLES, 0.0),  # the stranger is 2 farther than the partner, and 0.2 is asked
        ("triplet", CROSSED, 2.2),  # the partner is 2 farther than the only stranger, and should be 0.2 nearer
        ("determinantal", AT_RIGHT_ANGLES, math.log(1 + math.exp(-3 / 4))),  # k = 1 and 1/2: determinants 0 and 3/4
        ("determinantal", CROSSED, math.log(1 + math.exp(3 / 4))),
        ("matching", AT_RIGHT_ANGLES, (SIGMOID_COST[-1] + 2 * SIGMOID_COST[0]) / 3),  # partner judged 1, each stranger 0
        ("matching", CROSSED, (SIGMOID_COST[0] + 2 * SIGMOID_COST[1]) / 3),
        ("similarity_kl", CROSSED, 0.0),  # one other row: nothing to compare
    ],
)
def test_two_pairs_worked_out_by_hand(name: str, right: Tensor, expected: float) -> None:
    value = ALIGNMENT_LOSSES[name](DIM)(AT_RIGHT_ANGLES, right, torch.arange(2), temperature=torch.tensor(1.0))
    assert value.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("partner", "stranger", "expected"),
    [
        (0.6, 0.55, 0.1),  # 0.2 - 2 * (0.6 - 0.55): of the cosines 0.55 and 0, both farther than the partner, the nearer
        (0.6, 0.8, 0.0),  # 0.8 is nearer than the partner, so the stranger at 0 is taken, and it is far enough
    ],
)
def test_the_negative_of_a_triplet_is_the_nearest_that_is_farther_than_the_partner(
    partner: float, stranger: float, expected: float
) -> None:
    rest = math.sqrt(max(0.0, 1 - partner**2 - stranger**2))
    left = torch.eye(3, 4)  # a fourth coordinate takes up what is left of a right row
    right = torch.tensor([[partner, stranger, 0, rest], [0, partner, stranger, rest], [stranger, 0, partner, rest]])
    value = ALIGNMENT_LOSSES["triplet"](4)(left, right, torch.arange(3), temperature=TEMPERATURE)
    assert value.item() == pytest.approx(expected, abs=1e-6)


def test_similarity_kl_of_three_rows() -> None:
    left = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    right = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    near, far = math.e / (1 + math.e), 1 / (1 + math.e)
    # Row 0 is like row 1 on the left and like row 2 on the right; rows 1 and 2 are like row 0 on one side and like nobody on the other.
    rows = [(near - far) * 2, (near - 0.5) * math.log(near / 0.5) + (far - 0.5) * math.log(far / 0.5)]
    value = ALIGNMENT_LOSSES["similarity_kl"](2)(left, right, torch.arange(3), temperature=torch.tensor(1.0))
    assert value.item() == pytest.approx((rows[0] + 2 * rows[1]) / 3 / 2, abs=1e-6)


def test_the_judge_of_matching_learns() -> None:
    matching = ALIGNMENT_LOSSES["matching"](DIM)
    assert isinstance(matching, torch.nn.Module)
    matching(random_unit(ROWS, seed=0), random_unit(ROWS, seed=1), STRANGERS, temperature=TEMPERATURE).backward()
    assert all(parameter.grad is not None and (parameter.grad != 0).all() for parameter in matching.parameters())

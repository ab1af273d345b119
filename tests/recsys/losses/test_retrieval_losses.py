"""What full and sampled softmax have in common, and where they must agree."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from recsys.losses.full_softmax import full_softmax
from recsys.losses.sampled_softmax import sampled_softmax

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _sampled_with_all(users: Tensor, items: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    everything = torch.arange(len(items))
    return sampled_softmax(users, items[target], items, target, everything, torch.zeros(len(items)), weight)


@pytest.fixture(params=[full_softmax, _sampled_with_all])
def loss(request: pytest.FixtureRequest) -> Loss:
    return request.param  # type: ignore[no-any-return]


def test_two_equal_items_cost_log_two(loss: Loss) -> None:
    users, items = torch.ones(1, 3), torch.ones(2, 3)
    assert loss(users, items, torch.tensor([0]), torch.ones(1)).item() == pytest.approx(math.log(2))


def test_it_falls_when_the_right_items_score_rises(loss: Loss) -> None:
    torch.manual_seed(0)
    users, items = torch.randn(4, 3), torch.randn(6, 3)
    target, weight = torch.tensor([0, 1, 2, 3]), torch.ones(4)
    closer = items.clone()
    closer[target] += 0.1 * users
    assert loss(users, closer, target, weight) < loss(users, items, target, weight)


def test_every_input_gets_a_gradient(loss: Loss) -> None:
    torch.manual_seed(0)
    users, items = torch.randn(4, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    loss(users, items, torch.tensor([0, 1, 2, 3]), torch.ones(4)).backward()
    assert users.grad is not None
    assert items.grad is not None
    assert (users.grad.abs().sum(1) > 0).all()
    assert (items.grad.abs().sum(1) > 0).all()


def test_a_target_of_weight_zero_counts_for_nothing(loss: Loss) -> None:
    torch.manual_seed(0)
    users, items, target = torch.randn(2, 3), torch.randn(6, 3), torch.tensor([4, 5])
    alone = loss(users[:1], items, target[:1], torch.ones(1))
    torch.testing.assert_close(loss(users, items, target, torch.tensor([1.0, 0.0])), alone)


def test_no_weight_at_all_costs_nothing(loss: Loss) -> None:
    assert loss(torch.randn(2, 3), torch.randn(6, 3), torch.tensor([4, 5]), torch.zeros(2)).item() == 0


def test_a_sample_of_everything_is_the_full_softmax() -> None:
    torch.manual_seed(0)
    users, items, target, weight = torch.randn(4, 3), torch.randn(6, 3), torch.tensor([0, 1, 1, 5]), torch.rand(4)
    torch.testing.assert_close(_sampled_with_all(users, items, target, weight), full_softmax(users, items, target, weight))


def test_what_was_not_on_offer_is_no_negative() -> None:
    torch.manual_seed(0)
    users, items, target, weight = torch.randn(2, 3), torch.randn(6, 3), torch.tensor([0, 4]), torch.ones(2)
    absent = torch.zeros(2, 6, dtype=torch.bool)
    absent[:, 4:] = True  # the second target too: what was chosen was there
    expected = (full_softmax(users[:1], items[:4], target[:1], weight[:1]) + full_softmax(users[1:], items[:5], target[1:], weight[1:])) / 2
    torch.testing.assert_close(full_softmax(users, items, target, weight, absent), expected)
    everything = torch.arange(6)
    sampled = sampled_softmax(users, items[target], items, target, everything, torch.zeros(6), weight, absent)
    torch.testing.assert_close(sampled, expected)


def test_log_q_makes_the_sampled_partition_function_unbiased() -> None:
    torch.manual_seed(0)
    users, items, target = torch.randn(1, 3), torch.randn(50, 3), torch.tensor([7])
    q = torch.rand(50).clamp(0.1, 0.9)
    others = torch.ones(50, dtype=torch.bool).index_fill(0, target, False)
    own = (users @ items[7]).exp()
    partition = [
        sampled_softmax(users, items[target], items[drawn], target, drawn, q[drawn].log(), torch.ones(1)).exp() * own
        for drawn in (torch.nonzero((torch.rand(50) < q) & others).flatten() for _ in range(3000))
    ]
    assert torch.stack(partition).mean().item() == pytest.approx((users @ items.T).exp().sum().item(), rel=0.02)

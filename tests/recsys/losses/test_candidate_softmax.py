"""The loss of retrieval against its textbook form, by rows or at once."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recsys.losses import candidate_softmax as module
from recsys.losses.candidate_softmax import candidate_softmax


def _textbook(
    users: Tensor,
    items: Tensor,
    target: Tensor,
    weight: Tensor,
    log_q: Tensor | None = None,
    absent: Tensor | None = None,
    correct_target: bool = False,
    stands_for: Tensor | None = None,
) -> Tensor:
    own = F.one_hot(target, len(items))
    factor = torch.ones(len(items), 1) if stands_for is None else stands_for[:, None]
    as_negatives = items.detach() + factor * (items - items.detach())  # the same values, another gradient
    logits = users @ items.T * own + users @ as_negatives.T * (1 - own)
    if log_q is not None:
        logits = logits - log_q * (1 - F.one_hot(target, len(items)) * (not correct_target))
    if absent is not None:
        logits = logits.masked_fill(absent & (F.one_hot(target, len(items)) == 0), float("-inf"))
    return (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()


@pytest.mark.parametrize(("logits_at_once", "least_rows"), [(2**20, 1), (13, 1), (1, 1), (1, 3), (1, 128)])
@pytest.mark.parametrize(("sampled", "correct_target"), [(False, False), (True, False), (True, True)])
def test_value_and_gradients_are_the_textbooks(
    monkeypatch: pytest.MonkeyPatch, logits_at_once: int, least_rows: int, sampled: bool, correct_target: bool
) -> None:
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", logits_at_once)
    monkeypatch.setattr(module, "LEAST_ROWS", least_rows)
    torch.manual_seed(0)
    target, weight = torch.tensor([0, 1, 1, 5, 3]), torch.rand(5)
    told = {"log_q": torch.rand(6).log(), "absent": torch.rand(5, 6) < 0.3, "correct_target": correct_target} if sampled else {}
    if correct_target:
        told["stands_for"] = 1 + 3 * torch.rand(6)
    found = []
    for loss in (_textbook, candidate_softmax):
        torch.manual_seed(1)
        users, items = torch.randn(5, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
        value = loss(users, items, target, weight, **told)
        (2 * value).backward()
        found.append((value.detach(), users.grad, items.grad))
    torch.testing.assert_close(found[0], found[1])


def test_two_equal_items_cost_log_two() -> None:
    users, items = torch.ones(1, 3), torch.ones(2, 3)
    assert candidate_softmax(users, items, torch.tensor([0]), torch.ones(1)).item() == pytest.approx(math.log(2))


def test_it_falls_when_the_right_items_score_rises() -> None:
    torch.manual_seed(0)
    users, items = torch.randn(4, 3), torch.randn(6, 3)
    target, weight = torch.tensor([0, 1, 2, 3]), torch.ones(4)
    closer = items.clone()
    closer[target] += 0.1 * users
    assert candidate_softmax(users, closer, target, weight) < candidate_softmax(users, items, target, weight)


def test_inputs_that_want_no_gradient_get_none() -> None:
    users, items = torch.randn(4, 3), torch.randn(6, 3, requires_grad=True)
    candidate_softmax(users, items, torch.tensor([0, 1, 2, 3]), torch.ones(4)).backward()
    assert users.grad is None
    assert items.grad is not None


def test_a_target_of_weight_zero_counts_for_nothing() -> None:
    torch.manual_seed(0)
    users, items, target = torch.randn(2, 3), torch.randn(6, 3), torch.tensor([4, 5])
    alone = candidate_softmax(users[:1], items, target[:1], torch.ones(1))
    torch.testing.assert_close(candidate_softmax(users, items, target, torch.tensor([1.0, 0.0])), alone)


def test_no_weight_at_all_costs_nothing() -> None:
    assert candidate_softmax(torch.randn(2, 3), torch.randn(6, 3), torch.tensor([4, 5]), torch.zeros(2)).item() == 0


def test_a_right_item_far_behind_costs_its_distance() -> None:
    users, items = torch.tensor([[1.0]]), torch.tensor([[0.0], [500.0]])  # its chance is 0 in single precision
    assert candidate_softmax(users, items, torch.tensor([0]), torch.ones(1)).item() == pytest.approx(500)


def test_what_was_not_on_offer_is_no_negative() -> None:
    torch.manual_seed(0)
    users, items, target, weight = torch.randn(2, 3), torch.randn(6, 3), torch.tensor([0, 4]), torch.ones(2)
    absent = torch.zeros(2, 6, dtype=torch.bool)
    absent[:, 4:] = True  # the second target too: what was chosen was there
    first, second = (
        candidate_softmax(users[:1], items[:4], target[:1], weight[:1]),
        candidate_softmax(users[1:], items[:5], target[1:], weight[1:]),
    )
    torch.testing.assert_close(candidate_softmax(users, items, target, weight, absent=absent), (first + second) / 2)


def test_log_q_makes_the_sampled_partition_function_unbiased() -> None:
    torch.manual_seed(0)
    users, items = torch.randn(1, 3), torch.randn(50, 3)
    q = torch.rand(50).clamp(0.1, 0.9)
    own = (users @ items[7]).exp()
    partition = []
    for _ in range(3000):
        drawn = torch.nonzero((torch.rand(50) < q).index_fill(0, torch.tensor(7), True)).flatten()  # the own item is always there
        loss = candidate_softmax(users, items[drawn], torch.nonzero(drawn == 7).flatten(), torch.ones(1), log_q=q[drawn].log())
        partition.append(loss.exp() * own)
    assert torch.stack(partition).mean().item() == pytest.approx((users @ items.T).exp().sum().item(), rel=0.02)

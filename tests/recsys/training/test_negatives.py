"""Candidates stand for the whole catalogue: each item once, with the chance it had to be drawn."""

from collections.abc import Sequence

import pytest
import torch

from recsys.training.negatives import Negatives
from recsys.training.negatives_config import NegativesConfig
from recsys.training.pools import Pools

FREQUENCY = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
TARGETS = 3


def _chances_and_shares(config: NegativesConfig, *, runs: int, pools: Sequence[Pools] = ()) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each item: the mean over steps of 1 / q where it was a candidate and 0 else, which is 1 if q is right; how often it was one."""
    random = torch.Generator().manual_seed(0)
    negatives = Negatives(FREQUENCY, config)
    weight, share = torch.zeros(len(FREQUENCY)), torch.zeros(len(FREQUENCY))
    for _ in range(runs):
        targets = torch.multinomial(FREQUENCY, TARGETS, replacement=True, generator=random)
        candidates = negatives.draw(targets, pools, random=random)
        assert candidates.log_q is not None
        weight[candidates.rows] += (-candidates.log_q).exp()
        share[candidates.rows] += 1
        negatives.remember(candidates, torch.zeros(len(candidates.embedded), 2), targets=TARGETS)
    return weight / runs, share / runs


def test_in_a_batch_an_item_is_drawn_as_often_as_log_q_says() -> None:
    weight, _ = _chances_and_shares(NegativesConfig(uniform_negatives=0), runs=2000)
    torch.testing.assert_close(weight, torch.ones(5), atol=0.12, rtol=0)


def test_what_is_remembered_is_there_as_often_as_log_q_says() -> None:
    weight, share = _chances_and_shares(NegativesConfig(uniform_negatives=0, memory_items=6), runs=2000)
    torch.testing.assert_close(weight, torch.ones(5), atol=0.12, rtol=0)
    assert share[3] > 2 * (1 - (1 - FREQUENCY[3]) ** TARGETS)


def test_a_rare_item_of_two_pools_is_there_more_often_and_log_q_says_so() -> None:
    pools = Pools(torch.tensor([2, 3, 4, 4]), torch.tensor([0, 0, 0, 1]), number=1)  # drawn with certainty from the second
    weight, share = _chances_and_shares(NegativesConfig(uniform_negatives=0), runs=2000, pools=[pools])
    torch.testing.assert_close(weight, torch.ones(5), atol=0.12, rtol=0)
    assert share[4] == 1


def test_what_is_hard_for_the_users_of_a_step_is_not_remembered() -> None:
    negatives = Negatives(FREQUENCY, NegativesConfig(uniform_negatives=0, memory_items=10))
    hard = Pools(torch.tensor([3]), torch.tensor([0]), number=1)
    candidates = negatives.draw(torch.tensor([0]), [hard], random=None)
    negatives.remember(candidates, torch.zeros(2, 2), targets=1)
    assert candidates.rows.tolist() == [0, 3]
    assert negatives.draw(torch.tensor([4]), [], random=None).rows.tolist() == [4, 0]


def test_uniform_draws_add_their_chance() -> None:
    negatives = Negatives(FREQUENCY, NegativesConfig(uniform_negatives=1))
    candidates = negatives.draw(torch.tensor([4, 4, 4]), [], random=torch.Generator().manual_seed(0))
    assert candidates.log_q is not None
    assert candidates.log_q.exp()[-1].item() == pytest.approx(1 - 0.95**3 + 1 / 5)


def test_each_item_is_one_candidate_however_often_it_was_drawn() -> None:
    negatives = Negatives(FREQUENCY, NegativesConfig(uniform_negatives=50))
    candidates = negatives.draw(torch.tensor([4, 4, 0]), [], random=None)
    assert candidates.rows.tolist() == [0, 1, 2, 3, 4]


def test_an_epoch_begins_with_nothing_remembered() -> None:
    negatives = Negatives(FREQUENCY, NegativesConfig(uniform_negatives=0, memory_items=100))
    negatives.remember(negatives.draw(torch.tensor([0, 1]), [], random=None), torch.zeros(2, 2), targets=2)
    negatives.begin_epoch()
    assert negatives.draw(torch.tensor([4]), [], random=None).rows.tolist() == [4]


def test_fewer_than_none_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_items is -1; it is at least 0"):
        NegativesConfig(memory_items=-1)


def test_those_that_learn_stand_for_what_is_remembered() -> None:
    negatives = Negatives(FREQUENCY, NegativesConfig(uniform_negatives=0, memory_items=10))
    first = negatives.draw(torch.tensor([1]), [], random=None)
    assert first.stands_for is None
    negatives.remember(first, torch.zeros(1, 2), targets=1)
    second = negatives.draw(torch.tensor([0]), [], random=None)
    assert second.rows.tolist() == [0, 1]
    assert second.stands_for is not None
    assert second.stands_for[0].item() == pytest.approx((1 - 0.6**2) / 0.4)  # in one of two draws, or in the only one that counts

import numpy as np
import pytest

from recsys.metrics.partner_recall import partner_recall_at_k

EYE = np.eye(4)


def test_partners_nearer_than_all_strangers_are_found() -> None:
    assert partner_recall_at_k(EYE, EYE, np.arange(4), k=1).tolist() == [1, 1, 1, 1]


def test_a_partner_at_rank_two_counts_from_two_on() -> None:
    left, right = np.array([[1.0, 0.8, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    left, right = np.vstack([left, [0, 0, 1]]), np.vstack([right, [1, 0, 0]])  # left 0: own partner .8, the other one 1
    assert partner_recall_at_k(left, right, np.arange(2), k=1)[0] == 0
    assert partner_recall_at_k(left, right, np.arange(2), k=2)[0] == 1


def test_vectors_that_are_all_alike_find_nothing() -> None:
    same = np.ones((5, 3))
    assert partner_recall_at_k(same, same, np.arange(5), k=4).sum() == 0


def test_vectors_that_are_no_numbers_find_nothing() -> None:
    broken = np.full((5, 3), np.nan)
    assert partner_recall_at_k(broken, EYE[[0, 1, 2, 3, 3], :3], np.arange(5), k=4).sum() == 0


def test_one_of_the_same_group_does_not_stand_before_the_partner() -> None:
    same = np.ones((2, 3))
    assert partner_recall_at_k(same, same, np.zeros(2, int), k=1).tolist() == [1, 1]


@pytest.mark.parametrize("k", [1, 5, 10])
def test_chance_finds_k_of_n(k: int) -> None:
    random = np.random.default_rng(0)
    left, right = random.normal(size=(2, 500, 8))
    assert partner_recall_at_k(left, right, np.arange(500), k=k).mean() == pytest.approx(k / 500, abs=0.015)

import numpy as np
import pytest

from recsys.metrics.auc import auc
from recsys.metrics.gauc import gauc, per_user_auc

LABELS = np.array([True, False, True, True, False, False])
SCORES = np.array([0.2, 0.1, 0.9, 0.7, 0.8, 0.1])
USER = np.array([0, 0, 1, 1, 1, 2])  # user 2 has a single, negative example


def test_each_user_is_judged_by_its_own_examples() -> None:
    values = per_user_auc(LABELS, SCORES, USER)
    assert values[:2].tolist() == [1, 0.5]  # user 1: 0.9 above 0.8, 0.7 below it
    assert np.isnan(values[2])


def test_users_are_weighed_by_their_examples() -> None:
    assert gauc(LABELS, SCORES, USER) == pytest.approx((2 * 1 + 3 * 0.5) / 5)


def test_a_score_that_only_knows_the_user_is_worth_a_coin() -> None:
    labels = np.array([True, True, False, True, False, False])
    user = np.array([0, 0, 0, 1, 1, 1])
    assert auc(labels, 1.0 - user) > 0.5
    assert gauc(labels, 1.0 - user, user) == 0.5


def test_no_user_with_both_labels_is_nothing() -> None:
    assert np.isnan(gauc(np.array([True]), np.array([1.0]), np.array([0])))

from collections.abc import Callable

import numpy as np
import pytest

from recsys.training.prior import HALF_LIVES_DAYS, Judged, Prior, choose_prior
from tests.support.behaviour import day, interactions_of, items_of

KNOWN = np.zeros(3, bool)


def test_the_prior_grows_with_the_logarithm_of_popularity() -> None:
    past = interactions_of([(f"u{number}", 0, 90) for number in range(30)] + [("v", 1, 90)], num_items=2)
    values = Prior(half_life_days=1000).log_popularity(past, items_of(2), now=day(100))
    assert values[0] - values[1] == pytest.approx(np.log((1 + 30) / (1 + 1)), rel=0.2)  # smoothing draws both to the mean


def judged(recall: float, ndcg: float) -> Judged:
    """Two users who agree, and one of whom nothing can be told."""
    return {"recall@100": np.array([recall, recall, np.nan]), "ndcg@10": np.array([ndcg, ndcg, np.nan])}


def of_groups(
    known: Callable[[float, float], float], strangers: Callable[[float, float], float]
) -> tuple[Callable[..., Judged], np.ndarray]:
    """Three users with a history and three without; each group agrees on what NDCG@10 a half-life and a weight bring."""

    def judge(days: float, weight: float) -> Judged:
        return {"recall@100": np.full(6, 0.5), "ndcg@10": np.repeat([known(days, weight), strangers(days, weight)], 3)}

    return judge, np.repeat([False, True], 3)


def test_the_prior_that_gains_most_in_both_metrics_is_chosen() -> None:
    prior = choose_prior(lambda days, weight: judged(0.5, 0.9 - abs(weight - 0.35) - abs(days - 120) / 10_000), strangers=KNOWN)
    assert (prior.weight, prior.half_life_days) == (0.35, 120.0)


def test_of_equals_no_prior_is_chosen() -> None:
    prior = choose_prior(lambda days, weight: judged(0.5, 0.5), strangers=KNOWN)
    assert (prior.weight, prior.strangers_weight) == (0, 0)


def test_a_gain_that_users_do_not_agree_on_is_no_gain() -> None:
    def judge(days: float, weight: float) -> Judged:
        return {"recall@100": np.array([0.5, 0.5]), "ndcg@10": np.array([0.5 + 0.3 * weight, 0.5 - 0.2 * weight])}

    assert choose_prior(judge, strangers=np.zeros(2, bool)).weight == 0


def test_where_popularity_is_told_to_help_its_best_weight_counts_not_the_least_that_could_be_as_good() -> None:
    gains = {0.1: np.full(4, 0.02), 0.5: np.array([0.05, 0.05, 0.05, -0.03])}  # .03 with a standard error of .02; .01 more than .1 has

    def judge(days: float, weight: float) -> Judged:
        return {"recall@100": np.full(4, 0.5), "ndcg@10": 0.5 + gains.get(weight, np.zeros(4))}

    assert choose_prior(judge, strangers=np.zeros(4, bool)).weight == 0.5


@pytest.mark.parametrize(("lost", "chosen"), [(0.004, 10.0), (0.006, 3.0)])
def test_a_prior_may_not_cost_more_recall_than_allowed(lost: float, chosen: float) -> None:
    assert choose_prior(lambda days, weight: judged(0.5 * (1 - lost * (weight == 10.0)), 0.1 + weight), strangers=KNOWN).weight == chosen


def fading(days: float) -> float:
    """What a half-life far from 30 days costs."""
    return abs(days - 30) / 1000


def test_strangers_choose_a_weight_of_their_own_and_all_the_half_life() -> None:
    judge, strangers = of_groups(lambda days, weight: 1 - abs(weight - 0.2) - fading(days), lambda days, weight: 1 + weight - fading(days))
    assert choose_prior(judge, strangers=strangers) == Prior(half_life_days=30.0, weight=0.2, strangers_weight=10.0)


def test_popularity_never_says_less_of_a_stranger_than_of_others() -> None:
    judge, strangers = of_groups(lambda days, weight: 1 + weight, lambda days, weight: 2 - weight / 10)
    prior = choose_prior(judge, strangers=strangers)
    assert (prior.weight, prior.strangers_weight) == (10.0, 10.0)


@pytest.mark.parametrize("strangers", [[True, True, True], [False, False, True], [False, False, False]])
def test_where_one_group_alone_can_be_judged_it_speaks_for_both(strangers: list[bool]) -> None:
    prior = choose_prior(lambda days, weight: judged(0.5, 0.9 - abs(weight - 0.35)), strangers=np.array(strangers))
    assert prior == Prior(half_life_days=HALF_LIVES_DAYS[0], weight=0.35, strangers_weight=0.35)

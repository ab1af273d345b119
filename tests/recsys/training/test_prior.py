import numpy as np
import pytest

from recsys.training.prior import Prior, choose_prior
from tests.support.behaviour import day, interactions_of, items_of


def test_no_prior_is_zero_for_everybody() -> None:
    assert not Prior().values(interactions_of([("u", 0, 0)], num_items=2), items_of(2), now=day(1)).any()


def test_the_prior_grows_with_the_logarithm_of_popularity() -> None:
    past = interactions_of([(f"u{number}", 0, 90) for number in range(30)] + [("v", 1, 90)], num_items=2)
    values = Prior(half_life_days=1000, weight=0.5).values(past, items_of(2), now=day(100))
    assert values[0] - values[1] == pytest.approx(0.5 * np.log((1 + 30) / (1 + 1)), rel=0.2)  # smoothing draws both to the mean


def judged(recall: float, ndcg: float) -> dict[str, np.ndarray]:
    """Two users who agree, and one of whom nothing can be told."""
    return {"recall@100": np.array([recall, recall, np.nan]), "ndcg@10": np.array([ndcg, ndcg, np.nan])}


def test_the_prior_that_gains_most_in_both_metrics_is_chosen() -> None:
    prior, values = choose_prior(lambda prior: judged(0.5, 0.9 - abs(prior.weight - 0.35) - abs(prior.half_life_days - 120) / 10_000))
    assert (prior.weight, prior.half_life_days) == (0.35, 120.0)
    assert values["ndcg@10"][0] == 0.9


def test_of_equals_no_prior_is_chosen() -> None:
    assert choose_prior(lambda prior: judged(0.5, 0.5))[0].weight == 0


def test_a_gain_that_users_do_not_agree_on_is_no_gain() -> None:
    def judge(prior: Prior) -> dict[str, np.ndarray]:
        return {"recall@100": np.array([0.5, 0.5]), "ndcg@10": np.array([0.5 + 0.3 * prior.weight, 0.5 - 0.2 * prior.weight])}

    assert choose_prior(judge)[0].weight == 0


@pytest.mark.parametrize(("lost", "chosen"), [(0.004, 3.0), (0.006, 1.5)])
def test_a_prior_may_not_cost_more_recall_than_allowed(lost: float, chosen: float) -> None:
    assert choose_prior(lambda prior: judged(0.5 * (1 - lost * (prior.weight == 3.0)), 0.1 + prior.weight))[0].weight == chosen

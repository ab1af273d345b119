import numpy as np
import polars as pl
import pytest

from feature_store.features.shrinkage import LEAST_STRENGTH, MOST_STRENGTH, prior_strength


def strength_of(successes: list[int], trials: list[int]) -> float:
    return prior_strength(*(pl.Series(counts, dtype=pl.Int64) for counts in (successes, trials)), otherwise=20.0)


def test_two_items_worked_out_by_hand() -> None:
    # 2 and 6 of 10: mean 0.4, chance 0.24. Scatter 10 * 0.04 * 2 = 0.8, room 20 - 10 - 1 = 9; alike = (0.8 - 0.24) / (0.24 * 9) = 7 / 27
    assert strength_of([2, 6], [10, 10]) == pytest.approx(27 / 7 - 1)


def test_the_strength_that_rates_were_drawn_with_is_found() -> None:
    random = np.random.default_rng(0)
    trials = random.integers(20, 200, 3000)
    successes = random.binomial(trials, random.beta(2, 38, len(trials)))  # a + b = 40
    assert strength_of(successes.tolist(), trials.tolist()) == pytest.approx(40, rel=0.1)


def test_items_that_differ_no_more_than_by_chance_are_drawn_together_most() -> None:
    assert strength_of([5, 5, 5], [10, 10, 10]) == MOST_STRENGTH


def test_items_that_all_succeed_or_all_fail_are_believed_most() -> None:
    assert strength_of([10, 0, 10, 0], [10, 10, 10, 10]) == LEAST_STRENGTH


@pytest.mark.parametrize(("successes", "trials"), [([], []), ([3], [10]), ([0, 0], [10, 10]), ([9, 9], [3, 3]), ([1, 0], [1, 1])])
def test_where_the_log_is_too_thin_the_given_strength_stands(successes: list[int], trials: list[int]) -> None:
    assert strength_of(successes, trials) == 20

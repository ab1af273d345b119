import numpy as np

from recsys.training.one_standard_error import as_good


def test_what_is_better_or_equal_is_as_good() -> None:
    values = np.array([0.1, 0.2, 0.4])
    assert as_good(values, values)
    assert as_good(values + 0.1, values)


def test_a_small_lag_counts_when_all_agree_on_it_and_not_when_they_differ() -> None:
    best = np.random.default_rng(0).uniform(size=400)
    noise = np.random.default_rng(1).normal(size=400)
    noise -= noise.mean()
    assert not as_good(best - 0.01 + 0.05 * noise, best)  # standard error .0025
    assert as_good(best - 0.01 + 0.5 * noise, best)  # .025
    assert not as_good(best - 0.01 + 0.15 * noise, best)  # .0075


def test_who_has_no_value_has_no_say() -> None:
    assert as_good(np.array([np.nan, 0.5, 0.6]), np.array([0.9, 0.5, 0.6]))
    assert as_good(np.array([np.nan]), np.array([np.nan]))
    assert not as_good(np.array([0.1]), np.array([0.2]))

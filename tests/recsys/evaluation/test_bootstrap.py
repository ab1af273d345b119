import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.evaluation import bootstrap
from recsys.evaluation.bootstrap import holm, intervals, paired_difference, resampled_means


def test_the_interval_of_a_mean_is_that_of_the_normal_law_for_many_users() -> None:
    values = np.random.default_rng(0).normal(3, 2, (4000, 1))
    found = intervals(values, resampled_means(values, resamples=2000, seed=1))[0]
    error = values.std() / np.sqrt(4000)
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_users_that_do_not_count_in_a_column_are_left_out_of_it() -> None:
    values = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 5.0]])
    means = resampled_means(values, resamples=200, seed=0)
    assert intervals(values, means)[1].mean == 5
    assert np.nanmin(means[:, 1]) == np.nanmax(means[:, 1]) == 5


def test_a_column_nobody_counts_in_is_nothing_and_one_user_has_no_interval() -> None:
    values = np.array([[np.nan, 4.0], [np.nan, np.nan]])
    nobody, alone = intervals(values, resampled_means(values, resamples=50, seed=0))
    assert np.isnan([nobody.mean, nobody.low, nobody.high]).all()
    assert alone.mean == 4
    assert np.isnan([alone.low, alone.high]).all()


def test_all_columns_share_one_draw() -> None:
    column = np.random.default_rng(0).normal(size=50)
    means = resampled_means(np.stack([column, column + 1], axis=1), resamples=100, seed=0)
    assert means[:, 1] - means[:, 0] == pytest.approx(np.ones(100))  # a constant lead has no spread


def test_drawing_in_blocks_keeps_within_memory_and_repeats_for_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MOST_DRAWS", 64)
    values = np.random.default_rng(0).normal(size=(30, 2))
    first, again = (resampled_means(values, resamples=11, seed=5) for _ in range(2))
    assert first.shape == (11, 2)
    np.testing.assert_array_equal(first, again)


def test_a_lead_of_every_user_is_sure() -> None:
    found = paired_difference(np.full(20, 0.3), np.full(20, 0.1), resamples=999, seed=0)
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert found.p_value == 2 / 1000  # the least that 999 resamples can say


def test_no_difference_is_not_significant() -> None:
    assert paired_difference(np.ones(5), np.ones(5), resamples=99, seed=0).p_value == 1


def test_users_that_count_in_one_model_only_are_left_out() -> None:
    assert paired_difference(np.array([1.0, np.nan, 3.0]), np.array([0.0, 0.0, np.nan]), resamples=9, seed=0).mean == 1


def test_other_users_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2 and 3"):
        paired_difference(np.ones(2), np.ones(3), resamples=9, seed=0)
    with pytest.raises(ValueError, match="no user counts in both"):
        paired_difference(np.array([np.nan]), np.ones(1), resamples=9, seed=0)


def test_holm_by_hand() -> None:
    # the least of three times 3, the next times 2, the last times 1, never falling
    assert holm(np.array([0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.03, 0.06])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_value_smaller_nor_larger_than_one(values: list[float]) -> None:
    corrected = holm(np.array(values))
    assert (corrected >= np.array(values) - 1e-12).all()
    assert (corrected <= 1).all()

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.splits import check_order, quantile_time

START = datetime(2024, 1, 1, tzinfo=UTC)


def days(*numbers: int) -> pl.Series:
    return pl.Series([START + timedelta(days=number) for number in numbers], dtype=pl.Datetime("us", "UTC"))


def test_eight_of_ten_events_lie_before_the_quantile_of_80_percent() -> None:
    assert quantile_time(days(9, 0, 8, 1, 7, 2, 6, 3, 5, 4), 0.8) == START + timedelta(days=8)


def test_a_log_without_events_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match=r"look at \[relevance\] in the config"):
        quantile_time(days(), 0.5)


@pytest.mark.parametrize("quantile", [-0.1, 1.0, 1.5])
def test_a_quantile_outside_0_to_1_is_refused_by_value(quantile: float) -> None:
    with pytest.raises(ValueError, match=f"found {quantile}"):
        quantile_time(days(1), quantile)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50), st.floats(0, 1, exclude_max=True))
def test_at_most_that_share_of_events_lies_strictly_before_the_cut(numbers: list[int], quantile: float) -> None:
    times = days(*numbers)
    assert (times < quantile_time(times, quantile)).sum() <= quantile * len(times)


def test_cuts_that_follow_one_another_pass() -> None:
    check_order([("validation", START), ("test", START + timedelta(days=1))])


def test_equal_cuts_are_refused_and_both_named() -> None:
    with pytest.raises(ValueError, match=r"cut test \(2024-01-01 00:00\) must be after validation \(2024-01-01 00:00\)"):
        check_order([("validation", START), ("test", START)])


def test_a_cut_without_a_zone_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(ValueError, match=r"write 2024-01-01T00:00:00Z in \[cuts\]"):
        check_order([("validation", datetime(2024, 1, 1)), ("test", START)])

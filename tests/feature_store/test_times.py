from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.schema import UTC_TIME
from feature_store.times import TimeRule, parse_times

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
STRICT, NAIVE, SECONDS = TimeRule(), TimeRule(naive_utc=True), TimeRule(unit="s")


def parsed(values: pl.Series, rule: TimeRule) -> list[datetime | None]:
    moments = parse_times(values, rule)
    assert moments.dtype == UTC_TIME
    return moments.to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01 12:00:00+00:00",
        "2024-05-01T12:00Z",
        "2024-05-01T14:00:00.000+02:00",
        "2024-05-01T07:30:00-0430",
        " 2024-05-01T15:00:00+03 ",
    ],
)
def test_every_way_to_write_noon_with_a_zone_is_noon(text: str) -> None:
    assert parsed(pl.Series(["x", text]), STRICT) == [None, NOON]


def test_a_time_without_a_zone_is_utc_only_where_the_rule_says_so() -> None:
    texts = pl.Series(["2024-05-01 12:00:00", "2024-05-01"])
    assert parsed(texts, STRICT) == [None, None]
    assert parsed(texts, NAIVE) == [NOON, NOON - timedelta(hours=12)]


def test_naive_typed_times_and_dates_follow_the_same_rule() -> None:
    for values in (pl.Series([NOON.replace(tzinfo=None)]), pl.Series([date(2024, 5, 1)])):
        assert parsed(values, STRICT) == [None]
    assert parsed(pl.Series([NOON.replace(tzinfo=None)]), NAIVE) == [NOON]
    assert parsed(pl.Series([date(2024, 5, 1)]), NAIVE) == [NOON - timedelta(hours=12)]


def test_typed_times_of_another_zone_become_utc() -> None:
    assert parsed(pl.Series([NOON]).dt.convert_time_zone("Asia/Tokyo"), STRICT) == [NOON]


def test_numbers_count_the_unit_of_the_rule_and_nothing_without_one() -> None:
    seconds = int(NOON.timestamp())
    assert parsed(pl.Series([seconds]), STRICT) == [None]
    assert parsed(pl.Series([seconds]), SECONDS) == [NOON]
    assert parsed(pl.Series([float(seconds), float("nan")]), SECONDS) == [NOON, None]
    assert parsed(pl.Series([str(seconds)]), SECONDS) == [NOON]
    assert parsed(pl.Series([seconds * 1000]), TimeRule(unit="ms")) == [NOON]


def test_numbers_beyond_the_year_9999_are_no_times() -> None:
    assert parsed(pl.Series([2**62, -(2**62)]), SECONDS) == [None, None]


NO_TIMES = (
    "2024-13-01T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "yesterday",
    "",
    "2024-05-01T25:00:00Z",
    "1714564800",
    "2024-05-01T12:00:00+99:99",
)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_null(text: str) -> None:
    assert parsed(pl.Series([text]), STRICT) == [None]


def test_a_column_of_another_kind_holds_no_times() -> None:
    assert parsed(pl.Series([True]), SECONDS) == [None]


def test_an_unknown_unit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="time unit 'h' is none of s, ms, us"):
        TimeRule(unit="h")


def test_the_rule_says_what_it_takes() -> None:
    assert (STRICT.expected(), NAIVE.expected()) == ("an ISO time with a zone", "an ISO time")
    assert SECONDS.expected() == "an ISO time with a zone, or s since 1970"


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=zones), max_size=5))
def test_python_and_we_read_iso_texts_alike(moments: list[datetime]) -> None:
    assert parsed(pl.Series([moment.isoformat() for moment in moments], dtype=pl.String), STRICT) == moments

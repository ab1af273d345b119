from datetime import UTC, datetime, timedelta, timezone

from feature_store.months import first_day_from, month_folder, month_of, start_of_month, starts_of_months


def test_a_month_begins_where_it_does_in_utc() -> None:
    local = datetime(2025, 5, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert start_of_month(local) == datetime(2025, 4, 1, tzinfo=UTC)


def test_months_that_begin_in_a_stretch_of_time() -> None:
    first, end = datetime(2024, 11, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    assert [month.month for month in starts_of_months(first, end)] == [11, 12, 1]
    assert [month.month for month in starts_of_months(first + timedelta(days=1), end + timedelta(days=1))] == [12, 1, 2]
    assert starts_of_months(end, end) == []


def test_a_day_that_begins_at_a_moment_is_the_first_from_it() -> None:
    day = datetime(2025, 3, 1, tzinfo=UTC)
    assert first_day_from(day) == day
    assert first_day_from(day + timedelta(microseconds=1)) == day + timedelta(days=1)


def test_the_path_of_a_file_tells_its_month() -> None:
    moment = datetime(2025, 3, 9, 7, tzinfo=UTC)
    assert month_folder(moment) == "event_month=2025-03/"
    assert month_of(month_folder(moment) + "part-0000.parquet") == start_of_month(moment)

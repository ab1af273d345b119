from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.schema import EVENTS
from tests.support.event_logs import add, events, store, users


def test_the_log_is_in_order_of_time_and_of_arrival_among_equals(tmp_path: Path) -> None:
    early, late = "2024-01-31T23:59:59Z", "2024-02-01T00:00:00Z"
    reader = store(tmp_path, events(("b", late), ("a", late), ("z", early)), events(("A", late), ("y", early)))
    assert users(reader) == ["z", "y", "b", "a", "A"]
    assert sorted(reader.manifest.files) == ["event_month=2024-01/part-00000.parquet", "event_month=2024-02/part-00000.parquet"]


def test_the_same_event_is_one_row_within_a_batch_and_across_batches(tmp_path: Path) -> None:
    row = ("u", "2024-01-01T00:00:00Z")
    assert users(store(tmp_path, events(row, row), events(row))) == ["u"]


def test_one_id_with_two_times_is_one_row_the_first(tmp_path: Path) -> None:
    first, moved = events(("u", "2024-01-01T00:00:00Z"), event_id="x"), events(("u", "2024-03-01T00:00:00Z"), event_id="x")
    found = store(tmp_path, first, moved).scan(EVENTS).collect()
    assert found["event_time"].to_list() == [datetime(2024, 1, 1, tzinfo=UTC)]


def test_events_behind_all_others_come_into_a_file_of_their_own_and_no_other_file_is_touched(tmp_path: Path) -> None:
    old = store(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("u", "2024-02-01T00:00:00Z")))
    new = store(tmp_path, events(("v", "2024-02-02T00:00:00Z")))
    assert [new.path(file).samefile(old.path(file)) for file in sorted(old.manifest.files)] == [True, True]
    assert sorted(new.manifest.files.keys() - old.manifest.files.keys()) == ["event_month=2024-02/part-00001.parquet"]
    assert users(new) == ["u", "u", "v"]


def test_a_late_event_is_put_into_the_file_that_holds_its_minute(tmp_path: Path) -> None:
    old = store(tmp_path, *(events((user, f"2024-01-0{day}T12:00:00Z")) for user, day in (("a", 1), ("b", 3), ("c", 5))))
    new = store(tmp_path, events(("late", "2024-01-02T00:00:00Z")))
    assert users(new) == ["a", "late", "b", "c"]
    unchanged = [file for file in sorted(old.manifest.files) if new.path(file).samefile(old.path(file))]
    assert unchanged == sorted(old.manifest.files)[:1] + sorted(old.manifest.files)[2:]


def test_a_log_moves_from_months_to_days_as_a_whole(tmp_path: Path) -> None:
    store(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("v", "2024-01-02T00:00:00Z")))
    reader = store(tmp_path, events(("w", "2024-01-02T00:00:00Z")), partition="day")
    assert sorted(reader.manifest.files) == ["event_date=2024-01-01/part-00000.parquet", "event_date=2024-01-02/part-00000.parquet"]
    assert users(reader) == ["u", "v", "w"]


def test_the_counts_tell_rows_new_and_span(tmp_path: Path) -> None:
    store(tmp_path, events(("u", "2024-01-01T00:00:00Z")))
    told = add(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("u", "2024-05-01T00:00:00Z")))
    assert (told.rows, told.new) == (2, 1)
    assert (told.first, told.last) == (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC))


deliveries = st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90)), min_size=1, max_size=6), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None)
@given(deliveries)
def test_however_events_are_delivered_the_log_holds_each_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, int]]]
) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    frames = [events(*((user, (start + timedelta(days=day)).isoformat()) for user, day in batch)) for batch in batches]
    log = store(tmp_path_factory.mktemp("log"), *frames).scan(EVENTS).collect()
    arrived = pl.concat(frames).unique("event_id", keep="first", maintain_order=True)
    assert log.equals(arrived.sort("event_time", maintain_order=True))

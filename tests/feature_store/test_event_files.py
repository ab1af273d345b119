from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store import event_files
from feature_store.event_files import cut
from feature_store.schema import UTC_TIME

START = datetime(2024, 1, 1, tzinfo=UTC)


def weights(*minutes: tuple[int, int]) -> pl.DataFrame:
    rows = [(START + timedelta(minutes=minute), size) for minute, size in minutes]
    return pl.DataFrame(rows, schema={"minute": UTC_TIME, "bytes": pl.Int64}, orient="row")


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_files, "FILE_BYTES", 100)


def test_what_fits_is_one_file_that_begins_where_it_must() -> None:
    assert cut(weights((5, 60), (9, 40)), {START}) == [START]


def test_what_does_not_fit_is_cut_at_a_minute() -> None:
    assert cut(weights((5, 60), (9, 60)), {START}) == [START, START + timedelta(minutes=9)]


def test_a_minute_is_never_cut() -> None:
    assert cut(weights((5, 1000)), {START}) == [START]


def test_a_file_begins_where_it_must_only_if_it_has_rows() -> None:
    later, empty = START + timedelta(minutes=7), START + timedelta(minutes=100)
    assert cut(weights((5, 1), (9, 1)), {START, later, empty}) == [START, later]


@given(st.dictionaries(st.integers(0, 500), st.integers(1, 60), min_size=1))
def test_no_file_is_larger_than_allowed_by_more_than_a_minute(sizes: dict[int, int]) -> None:
    rows = weights(*sizes.items())
    begins = cut(rows, {START})
    ends = [*begins[1:], datetime.max.replace(tzinfo=UTC)]
    files = [rows.filter(pl.col("minute") >= begin, pl.col("minute") < end)["bytes"] for begin, end in zip(begins, ends, strict=True)]
    assert all(0 < int(file.sum()) <= 100 + 60 for file in files)
    assert len(files) <= -(-sum(sizes.values()) // 100)

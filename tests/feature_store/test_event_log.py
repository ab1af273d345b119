import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.event_log import append, conform_events, event_hashes
from feature_store.layout import TableReader, Workspace
from feature_store.schema import EVENTS
from feature_store.times import TimeRule


def events(*rows: tuple[str, str], **more: object) -> pl.DataFrame:
    """One click per (user, time)."""
    clicks = [{"user_id": user, "item_id": "i", "event_type": "click", "event_time": time, **more} for user, time in rows]
    found, refusal = conform_events(pl.DataFrame(clicks), TimeRule())
    assert len(refusal) == 0
    return found


def store(root: Path, *batches: pl.DataFrame, partition: str = "month") -> TableReader:
    workspace = Workspace(root)
    for batch in batches:
        log = workspace.read("events") if workspace.exists("events") else None
        with workspace.write("events") as writer:
            append(writer, log, batch, partition=partition)  # type: ignore[arg-type]
            writer.commit()
    return workspace.read("events")


def users(reader: TableReader) -> list[str]:
    return reader.scan(EVENTS).collect()["user_id"].to_list()


def test_an_event_without_an_id_gets_one_that_never_changes() -> None:
    # user, item, type, eight columns of nothing, microseconds since 1970: each with its length before it
    told = "1:u|1:i|5:click|-|-|-|-|-|-|-|-|16:1704067200000000"
    expected = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    assert events(("u", "2024-01-01T00:00:00Z"))["event_id"].to_list() == [expected]


def test_known_at_is_the_time_of_the_event_unless_told() -> None:
    assert events(("u", "2024-01-01T00:00:00Z"))["known_at"].to_list() == [datetime(2024, 1, 1, tzinfo=UTC)]
    late = events(("u", "2024-01-01T00:00:00Z"), known_at="2024-01-02T00:00:00Z")
    assert late["known_at"].to_list() == [datetime(2024, 1, 2, tzinfo=UTC)]


def test_an_event_that_is_delivered_twice_keeps_its_id() -> None:
    first, later = (events(("u", "2024-01-01T00:00:00Z"), known_at=known) for known in ("2024-01-01T01:00:00Z", "2024-01-05T00:00:00Z"))
    assert first["event_id"].equals(later["event_id"])


def test_given_ids_stay_and_missing_ones_are_filled() -> None:
    click = {"user_id": "u", "item_id": "i", "event_type": "click", "event_time": "2024-01-01T00:00Z"}
    raw = pl.DataFrame([click | {"event_id": "mine"}, click | {"event_id": None}])
    first, second = conform_events(raw, TimeRule())[0]["event_id"]
    assert first == "mine"
    assert len(second) == 32


texts = st.none() | st.text(max_size=3)


@given(st.lists(st.tuples(texts, texts, st.none() | st.floats(allow_nan=False, allow_infinity=False)), unique=True, max_size=8))
def test_different_rows_have_different_ids_wherever_their_letters_stand(rows: list[tuple[str, str, float]]) -> None:
    values = pl.DataFrame(rows, schema={"text": pl.String, "surface": pl.String, "value": pl.Float64}, orient="row")
    others = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.schema.items() if name not in values.columns]
    assert event_hashes(values.with_columns(others)).n_unique() == len(set(rows))


def test_the_log_is_in_order_of_time_and_of_arrival_among_equals(tmp_path: Path) -> None:
    early, late = "2024-01-31T23:59:59Z", "2024-02-01T00:00:00Z"
    reader = store(tmp_path, events(("b", late), ("a", late), ("z", early)), events(("A", late), ("y", early)))
    assert users(reader) == ["z", "y", "b", "a", "A"]
    assert sorted(reader.manifest.files) == ["event_month=2024-01/part-0000.parquet", "event_month=2024-02/part-0000.parquet"]


def test_the_same_event_is_one_row_within_a_batch_and_across_batches(tmp_path: Path) -> None:
    row = ("u", "2024-01-01T00:00:00Z")
    assert users(store(tmp_path, events(row, row), events(row))) == ["u"]


def test_one_id_with_two_times_is_one_row_the_first(tmp_path: Path) -> None:
    first, moved = events(("u", "2024-01-01T00:00:00Z"), event_id="x"), events(("u", "2024-03-01T00:00:00Z"), event_id="x")
    found = store(tmp_path, first, moved).scan(EVENTS).collect()
    assert found["event_time"].to_list() == [datetime(2024, 1, 1, tzinfo=UTC)]


def test_a_month_without_news_is_carried_over_as_the_same_file(tmp_path: Path) -> None:
    old = store(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("u", "2024-02-01T00:00:00Z")))
    new = store(tmp_path, events(("v", "2024-02-02T00:00:00Z")))
    january, february = sorted(old.manifest.files)
    assert new.path(january).samefile(old.path(january))
    assert not new.path(february).samefile(old.path(february))


def test_a_log_moves_from_months_to_days_as_a_whole(tmp_path: Path) -> None:
    store(tmp_path, events(("u", "2024-01-01T00:00:00Z"), ("v", "2024-01-02T00:00:00Z")))
    reader = store(tmp_path, events(("w", "2024-01-02T00:00:00Z")), partition="day")
    assert sorted(reader.manifest.files) == ["event_date=2024-01-01/part-0000.parquet", "event_date=2024-01-02/part-0000.parquet"]
    assert users(reader) == ["u", "v", "w"]


def test_the_counts_tell_rows_new_and_span(tmp_path: Path) -> None:
    log = store(tmp_path, events(("u", "2024-01-01T00:00:00Z")))
    batch = events(("u", "2024-01-01T00:00:00Z"), ("u", "2024-05-01T00:00:00Z"))
    with Workspace(tmp_path).write("events") as writer:
        told = append(writer, log, batch, partition="month")
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

import hashlib
from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from feature_store.event_log import conform_events, event_hashes
from feature_store.schema import EVENTS
from feature_store.times import TimeRule
from tests.support.event_logs import events


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

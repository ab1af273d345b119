from datetime import UTC, datetime, timedelta

import polars as pl

from feature_store.clock import Clock
from feature_store.event_log import conform_events
from feature_store.times import TimeRule

CLOCK = Clock(now=datetime(2024, 1, 1, 12, tzinfo=UTC), skew=timedelta(minutes=10))


def reason(event_time: str, known_at: str | None = None) -> str | None:
    """Why a click at this time is refused; None if it is taken."""
    click = {"user_id": "u", "item_id": "i", "event_type": "click", "event_time": event_time, "known_at": known_at}
    _, refusal = conform_events(pl.DataFrame([click], schema_overrides={"known_at": pl.String}), TimeRule(), CLOCK)
    return refusal.rows["reason"][0] if len(refusal) else None


def test_what_happened_up_to_now_or_a_little_later_is_taken() -> None:
    assert [reason("2024-01-01T12:00:00Z"), reason("2024-01-01T12:10:00Z")] == [None, None]


def test_what_is_further_ahead_is_refused() -> None:
    assert reason("2024-01-01T12:10:01Z") == "event_time: in the future when it was read, by more than 600 s"


def test_what_will_be_known_only_later_cannot_have_come_in() -> None:
    assert reason("2024-01-01T11:00:00Z", "2024-01-02T00:00:00Z") == "known_at: in the future when it was read, by more than 600 s"


def test_what_was_known_before_it_happened_has_a_wrong_clock() -> None:
    assert reason("2024-01-01T11:00:00Z", "2024-01-01T10:50:00Z") is None
    assert (
        reason("2024-01-01T11:00:00Z", "2024-01-01T10:49:59Z") == "event_time: later than known_at by more than 600 s, so a clock is wrong"
    )


def test_without_a_clock_any_time_is_taken() -> None:
    click = {"user_id": "u", "item_id": "i", "event_type": "click", "event_time": "9000-01-01T00:00:00Z"}
    assert conform_events(pl.DataFrame([click]), TimeRule())[0].height == 1

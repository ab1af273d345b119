"""Events that are too old to be kept."""

from datetime import datetime, timedelta

import polars as pl

from feature_store.times import TimeRule, parse_times


def oldest_kept(newest: datetime | None, *, keep_days: int, now: datetime) -> datetime | None:
    """Before which moment events are dropped; None: none are.

    Args:
        newest: Time of the newest event; one in the future does not make the others older.
        keep_days: See `PrivacyConfig`.
        now: By the clock.
    """
    if not keep_days or newest is None:
        return None
    return min(newest, now) - timedelta(days=keep_days)


def young_refusals(refused: pl.DataFrame, *, oldest: datetime | None, times: TimeRule) -> pl.DataFrame:
    """Refused rows without those whose event_time is too old; a row whose time cannot be read has no age and stays."""
    if oldest is None:
        return refused
    lenient = TimeRule(unit=times.unit, naive_utc=True)  # a day more or less does not matter here
    moments = parse_times(refused["content"].str.json_path_match("$.event_time"), lenient)
    return refused.filter((moments >= oldest).fill_null(True))

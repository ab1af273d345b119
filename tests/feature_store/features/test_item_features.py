from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.checks import check
from feature_store.features.item_features import PRIOR_RATINGS, WINDOW_DAYS, item_features, prior_means
from feature_store.point_in_time import join_as_of
from feature_store.schema import EVENTS, ITEM_FEATURES

START = datetime(2025, 1, 1, tzinfo=UTC)
END = START + timedelta(days=500)


def log_of(rows: list[tuple[str, str, float | None, float, float]]) -> pl.LazyFrame:
    """Events of (item, type, value, day, day known)."""
    frame = pl.DataFrame(
        [
            {
                "event_id": str(place),
                "user_id": "u",
                "item_id": item,
                "event_type": kind,
                "value": value,
                "event_time": START + timedelta(days=day),
                "known_at": START + timedelta(days=known),
            }
            for place, (item, kind, value, day, known) in enumerate(rows)
        ],
        schema=EVENTS.schema,
    )
    return frame.lazy()


def features_of(rows: list[tuple[str, str, float | None, float, float]], *, since: float = 0) -> pl.DataFrame:
    log, wanted, first = log_of(rows), pl.col("event_type") == "click", START + timedelta(days=since)
    means = prior_means([log], since=first, before=END)
    return check(item_features(log, wanted=wanted, since=first, before=END, means=means), ITEM_FEATURES)


@given(
    days=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 10)), min_size=1, max_size=8),
    asked=st.integers(1, 450),
    since=st.integers(0, 450),
)
def test_windows_hold_what_a_count_over_the_log_finds(days: list[tuple[int, int]], asked: int, since: int) -> None:
    rows: list[tuple[str, str, float | None, float, float]] = [("a", "click", None, day + 0.5, day + 0.5 + late) for day, late in days]
    moment = START + timedelta(days=max(asked, since), hours=1)
    question = pl.DataFrame({"item_id": ["a"], "predicted_at": [moment]}).cast({"predicted_at": pl.Datetime("us", "UTC")})
    found = join_as_of(question, features_of(rows, since=since), key="item_id")
    boundary = float(max(asked, since))
    known = [day for _, _, _, day, seen in rows if seen < boundary]
    for name, length in WINDOW_DAYS.items():
        assert (found[f"wanted_{name}"][0] or 0) == sum(boundary - day <= length for day in known)
    assert (found["wanted_all"][0] or 0) == len(known)


def test_a_mean_of_stars_is_drawn_to_that_of_all_items_before_the_window() -> None:
    rows = features_of([("a", "rating", 5.0, 0.5, 0.5), ("b", "rating", 1.0, 0.5, 0.5)], since=1)
    of_a = rows.filter(pl.col("item_id") == "a")["mean_rating"][0]
    assert of_a == pytest.approx((5 + PRIOR_RATINGS * 3) / (1 + PRIOR_RATINGS))  # the mean of 5 and 1 is 3


def test_days_without_a_change_have_no_row() -> None:
    rows = features_of([("a", "click", None, 0.5, 0.5)])
    days = [(moment - START).days for moment in rows["event_time"]]
    assert days == [1, 2, 8, 31, 366]  # known, then out of the windows of 1, 7, 30 and 365 days


def test_an_event_that_becomes_known_later_changes_no_earlier_row() -> None:
    before = features_of([("a", "click", None, 0.5, 0.5)])
    after = features_of([("a", "click", None, 0.5, 0.5), ("a", "click", None, 3.5, 9.5)])
    early = pl.col("event_time") <= START + timedelta(days=9)
    assert after.filter(early).equals(before.filter(early))

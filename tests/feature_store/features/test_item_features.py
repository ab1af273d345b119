from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.checks import check
from feature_store.features.item_features import EVENT_BYTES, ROW_BYTES, WINDOW_DAYS, bytes_per_event, item_features
from feature_store.features.item_priors import PRIOR_CLICKS, PRIOR_RATINGS
from feature_store.features.item_rates import with_rates
from feature_store.point_in_time import join_as_of
from feature_store.schema import EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT

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


def features_of(
    rows: list[tuple[str, str, float | None, float, float]], *, since: float = 0, sentiment: pl.LazyFrame | None = None
) -> pl.DataFrame:
    wanted, moment = pl.col("event_type") == "click", START + timedelta(days=since)
    read = REVIEW_SENTIMENT.empty().lazy() if sentiment is None else sentiment
    return check(item_features(log_of(rows), wanted=wanted, since=moment, before=END, sentiment=read), ITEM_FEATURES)


def rated(
    rows: list[tuple[str, str, float | None, float, float]], *, since: float = 0, sentiment: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """The same with rates; only the rows from `since` on."""
    moment = START + timedelta(days=since)
    return with_rates(features_of(rows, since=since, sentiment=sentiment), since=moment).filter(pl.col("event_time") >= moment)


def sentiment_of(rows: list[tuple[str, float, float, float]]) -> pl.LazyFrame:
    """Reviews of (item, sentiment, day, day known)."""
    frame = pl.DataFrame(
        [
            {
                "event_id": str(place),
                "item_id": item,
                "event_time": START + timedelta(days=day),
                "known_at": START + timedelta(days=known),
                "sentiment": value,
                "likely_stars": 3,
            }
            for place, (item, value, day, known) in enumerate(rows)
        ],
        schema=REVIEW_SENTIMENT.schema,
    )
    return frame.lazy()


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
    rows = rated([("a", "rating", 5.0, 0.5, 0.5), ("b", "rating", 1.0, 0.5, 0.5)], since=1)
    of_a = rows.filter(pl.col("item_id") == "a")["mean_rating"][0]
    assert of_a == pytest.approx((5 + PRIOR_RATINGS * 3) / (1 + PRIOR_RATINGS))  # the mean of 5 and 1 is 3


def test_within_a_month_days_without_a_change_have_no_row() -> None:
    rows = features_of([("a", "click", None, 0.5, 0.5)])
    days = [(moment - START).days for moment in rows["event_time"] if moment.day != 1]
    assert days == [1, 2, 8, 366]  # known, then out of the windows of 1, 7 and 365 days; that of 30 days it leaves on a first of the month
    months = [(moment.year, moment.month) for moment in rows["event_time"] if moment.day == 1]
    assert months == [*((2025, month) for month in range(2, 13)), *((2026, month) for month in range(1, 6))]


def test_an_event_that_becomes_known_later_changes_no_earlier_row() -> None:
    before = features_of([("a", "click", None, 0.5, 0.5)])
    after = features_of([("a", "click", None, 0.5, 0.5), ("a", "click", None, 3.5, 9.5)])
    early = pl.col("event_time") <= START + timedelta(days=9)
    assert after.filter(early).equals(before.filter(early))


def test_a_wanted_event_counts_half_for_every_thirty_days() -> None:
    rows = features_of([("a", "click", None, 0, 0), ("a", "click", None, 30, 30)])
    at_day_31 = rows.filter(pl.col("event_time") == START + timedelta(days=31))["wanted_decayed"][0]
    assert at_day_31 == pytest.approx(0.5 ** (31 / 30) + 0.5 ** (1 / 30))


def test_purchases_per_click_are_drawn_to_the_rate_of_all_items_before_the_window() -> None:
    early = [("b", "click", None, 0.5, 0.5), ("b", "click", None, 0.5, 0.5), ("b", "purchase", 9.0, 0.5, 0.5)]
    rows = rated([*early, ("a", "click", None, 2.5, 2.5)], since=2)
    of_a = rows.filter(pl.col("item_id") == "a")["conversion_rate"]
    assert of_a[0] == pytest.approx(0.5 * PRIOR_CLICKS / (1 + PRIOR_CLICKS))  # one item alone says nothing of how items differ
    assert of_a[-1] is None  # a year later its click has left the window


def test_without_a_click_before_the_window_there_is_no_conversion_rate() -> None:
    assert rated([("a", "click", None, 2.5, 2.5)], since=2)["conversion_rate"].is_null().all()


def test_a_mean_sentiment_counts_a_review_from_the_day_after_it_is_known() -> None:
    reviews = [("a", "review", 5.0, 0.5, 0.5), ("a", "review", 1.0, 3.5, 8.5)]
    read = sentiment_of([("a", 1.0, 0.5, 0.5), ("a", -1.0, 3.5, 8.5)])
    rows = with_rates(features_of(reviews, since=2, sentiment=read), since=START + timedelta(days=2))
    columns = rows.filter(pl.col("event_time").dt.day() > 1).select("event_time", "review_count", "mean_sentiment")
    told = {(moment - START).days: (count, mean) for moment, count, mean in columns.rows()}
    # the only review before day 2 is the mean of all, 1
    assert told == {1: (1, 1.0), 9: (2, pytest.approx((0 + PRIOR_RATINGS) / (2 + PRIOR_RATINGS)))}


def test_of_a_shop_without_a_review_before_the_window_reviews_are_not_counted() -> None:
    rows = rated([("a", "review", 5.0, 2.5, 2.5)], since=2, sentiment=sentiment_of([("a", 1.0, 2.5, 2.5)]))
    assert rows.height > 0
    assert set(rows.select("review_count", "mean_sentiment").rows()) == {(None, None)}


def test_sums_of_fractions_do_not_depend_on_the_order_of_events() -> None:
    random = np.random.default_rng(0)
    rows = [("a", "click", None, day, day) for day in random.uniform(0, 100, 3000)]
    rows += [("a", "rating", stars, 0.5, 0.5) for stars in random.uniform(1, 5, 3000)]
    found = [features_of([rows[at] for at in random.permutation(len(rows))]) for _ in range(3)]
    assert all(found[0].equals(other) for other in found[1:])


def test_an_event_of_long_ago_has_decayed_to_nothing() -> None:
    rows = features_of([("a", "click", None, -40_000, -40_000), ("b", "click", None, 1, 1)])
    assert set(rows.filter(pl.col("item_id") == "a")["wanted_decayed"]) == {0.0}


def test_an_event_bears_its_share_of_the_rows_with_which_months_begin() -> None:
    files = [log_of([("a", "click", None, 0, 0), ("b", "click", None, 1, 1)]), log_of([("b", "click", None, day, day) for day in (2, 3)])]
    found = bytes_per_event(files, since=START, before=START + timedelta(days=59))  # January and February
    assert found == EVENT_BYTES + ROW_BYTES * 2 // 2  # two items among four events, two months

"""Features by the reference: worked out by hand, and against the functions that serve and train."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.features.item_features import item_features
from feature_store.schema import REVIEW_SENTIMENT
from pipelines.parity import reference
from pipelines.parity.reference import DAY, Past, RawEvent, RawItem

NOW = 100 * DAY
ITEM = RawItem(price=None, category=None, available_from=None, first_event=None, wanted={}, vectors={"image": None}, taken={})


def event(item_id: str, event_type: str, day: float, value: float | None = None, *, known: float | None = None) -> RawEvent:
    return RawEvent(item_id, event_type, value, round(day * DAY), round((day if known is None else known) * DAY))


def item(**told: object) -> RawItem:
    return RawItem(**{**ITEM.__dict__, **told})


def past(*acts: tuple[RawItem, str, float]) -> list[Past]:
    return [Past(item=entry, act=act, age=days) for entry, act, days in acts]


def newest(*events: RawEvent, length: int = 9, opinions: bool = True) -> list[tuple[str, str, float]]:
    found = reference.newest_distinct(events, known={"a", "b", "c"}, positive_rating=4.0, opinions=opinions, length=length)
    return [(entry.item_id, act, entry.event_time / DAY) for entry, act in found]


def test_of_an_item_the_act_that_says_most_stands_with_the_time_of_its_last_one() -> None:
    acts = (event("a", "purchase", 1), event("b", "click", 2), event("a", "purchase", 3), event("a", "click", 4))
    assert newest(*acts) == [("b", "click", 2), ("a", "purchase", 3)]


def test_the_last_opinion_wins() -> None:
    assert newest(event("a", "rating", 1, 5), event("a", "review", 2, 1)) == [("a", "disliked", 2)]
    assert newest(event("a", "rating", 1, 1), event("a", "rating", 2, 5)) == [("a", "liked", 2)]


def test_an_opinion_that_nobody_asks_for_takes_the_place_of_nothing() -> None:
    assert newest(event("a", "click", 1), event("a", "review", 2, 5), opinions=False) == [("a", "click", 1)]


def test_an_opinion_that_nobody_asks_for_says_more_than_a_look() -> None:
    assert newest(event("a", "review", 1, 1), event("a", "dwell", 2), event("a", "tag", 3), opinions=False) == [("a", "disliked", 1)]


def test_what_is_no_behaviour_and_items_that_are_not_known_do_not_count() -> None:
    assert newest(event("a", "impression", 1), event("x", "click", 2), event("b", "review", 3)) == [("b", "tag", 3)]


def test_only_the_newest_are_left() -> None:
    assert newest(*(event(name, "click", day) for day, name in enumerate("abc")), length=2) == [("b", "click", 1), ("c", "click", 2)]


def test_the_retriever_counts_relative_to_the_request() -> None:
    found = reference.retrieval([7.0, 5.0])
    assert found == {"retrieval_z": [1, -1], "retrieval_rank": [0, 0.5], "retrieval_log_rank": [0, math.log(2)]}


def test_a_price_is_held_against_the_mean_of_the_logarithms_of_what_was_liked() -> None:
    history = past((item(price=math.e - 1), "click", 1), (item(price=math.e**3 - 1), "liked", 1), (item(price=9.0), "disliked", 1))
    found = reference.price([item(price=math.e**4 - 1), ITEM], history)
    assert found["price_gap"] == [pytest.approx(2), 0]  # 4 less the mean of 1 and 3
    assert found["no_price_gap"] == [0, 1]


def test_a_category_is_liked_by_half_after_90_days() -> None:
    history = past((item(category="red"), "click", 95), (item(category="blue"), "click", 5), (item(category="blue"), "disliked", 1))
    found = reference.category([item(category="red"), item(category="blue"), ITEM], history)
    assert found["category_affinity"] == pytest.approx([0.5 / 2.5, 1 / 2.5, 0])
    assert found["category_recent"] == [0.5, 0.5, 0]


def test_content_is_held_against_what_was_liked_and_what_was_not() -> None:
    east, north = item(vectors={"image": np.array([1.0, 0.0])}), item(vectors={"image": np.array([0.0, 1.0])})
    found = reference.content([east, ITEM], past((east, "click", 3), (north, "click", 2), (north, "disliked", 1)), modality="image")
    assert {name: values[0] for name, values in found.items()} == {
        "image_nearest": 1, "image_recent": 0.5, "image_newest": 0, "image_disliked": 0, "image_missing": 0
    }  # fmt: skip
    assert found["image_missing"][1] == 1


def test_the_age_of_an_item_counts_from_its_first_day_on_sale_else_from_its_first_event() -> None:
    met = 97 * DAY
    found = reference.age([item(available_from=90 * DAY, first_event=met), item(first_event=met), ITEM], now=NOW)
    assert found == {"item_age": [math.log1p(10), math.log1p(3), 0], "no_item_age": [0, 0, 1]}


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 99.0, 100.0, 370.0, 392.9, 393.0, 399.0, 399.5, 400.0]) | st.floats(0, 401),
            st.sampled_from([0.0, 0.5, 8.0]),
            st.sampled_from(["click", "impression"]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([400.0, 400.5]),
)
def test_popularity_and_first_event_are_those_of_the_table(acts: list[tuple[float, float, str]], date: float) -> None:
    events = [event("a", kind, day, known=day + late) for day, late, kind in acts]
    before = datetime.fromtimestamp(0, UTC) + timedelta(days=date)
    rows = [{"item_id": "a", "event_type": e.event_type, "event_time": e.event_time, "known_at": e.known_at} for e in events]
    times = pl.col("event_time", "known_at").cast(pl.Datetime("us", "UTC"))
    log = pl.DataFrame(rows).with_columns(times, value=pl.lit(None, pl.Float64)).lazy()
    unread = REVIEW_SENTIMENT.empty().lazy()
    table = item_features(log, wanted=pl.col("event_type") == "click", since=before, before=before, sentiment=unread)
    midnight = reference.last_midnight(round(date * DAY))
    counted = [e for e in events if max(e.event_time, e.known_at) < midnight]
    wanted = reference.wanted_within([e.event_time for e in counted if e.event_type == "click"], midnight=midnight)
    met = item(first_event=min((e.event_time for e in counted), default=None), wanted=wanted)
    found = reference.popularity([met])
    row = table.row(-1, named=True) if table.height else {f"wanted_{name}": 0 for name in reference.WINDOWS}
    assert {name: found[f"wanted_{name}"][0] for name in reference.WINDOWS} == {
        name: math.log1p(row[f"wanted_{name}"]) for name in reference.WINDOWS
    }
    first = row.get("first_event")
    age = reference.age([met], now=NOW * 5)
    assert age["no_item_age"] == [float(first is None)]
    if first is not None:
        born = round(first.timestamp() * 1e6)
        assert age["item_age"] == [math.log1p((NOW * 5 - born) / DAY)]

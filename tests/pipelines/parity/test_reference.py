"""Features by the reference, worked out by hand."""

import math

import numpy as np
import pytest

from pipelines.parity import reference
from pipelines.parity.counting import DAY
from pipelines.parity.reference import Past, RawEvent, RawItem

NOW = 100 * DAY
ITEM = RawItem(row=0, price=None, category=None, vectors={"image": None})


def event(item_id: str, event_type: str, day: float, value: float | None = None, *, known: float | None = None) -> RawEvent:
    return RawEvent(item_id, event_type, value, round(day * DAY), round((day if known is None else known) * DAY))


def item(**told: object) -> RawItem:
    return RawItem(**{**ITEM.__dict__, **told})


def past(*acts: tuple[RawItem, str, float]) -> list[Past]:
    return [Past(item=entry, act=act, age=days) for entry, act, days in acts]


def newest(*events: RawEvent, opinions: bool = True) -> list[tuple[str, str, float]]:
    found = reference.newest_distinct(events, known={"a", "b", "c"}, positive_rating=4.0, opinions=opinions)
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


def test_the_age_of_an_item_is_that_of_the_day_it_came() -> None:
    found = reference.age([item(born=90 * DAY), ITEM], now=NOW)
    assert found == {"item_age": [math.log1p(10), 0], "no_item_age": [0, 1]}


def test_what_is_counted_is_read_in_logarithms_and_a_mean_that_is_missing_with_a_flag() -> None:
    candidates = [item(numbers={"review_count": 3.0, "click_rate": 0.25}), item(numbers={"review_count": 0.0, "click_rate": None})]
    assert reference.mean_or_count(candidates, name="review_count") == {"review_count": [math.log(4), 0]}
    assert reference.mean_or_count(candidates, name="click_rate") == {"click_rate": [0.25, 0], "no_click_rate": [0, 1]}

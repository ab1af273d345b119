from datetime import timedelta

import polars as pl

from feature_store.checks import check
from feature_store.schema import EVENTS, EXAMPLES
from pipelines.stages.build_examples import build_examples
from recsys.data.relevance import Relevance
from tests.support.behaviour import day


def examples_of(rows: list[tuple[str, str, str | None, float]], *ignored: str) -> pl.DataFrame:
    """Examples of events (item, type, request, day) of one user, for the window from day 10 to day 20."""
    events = pl.DataFrame(
        [
            {
                "event_id": str(place),
                "user_id": "u",
                "item_id": item,
                "event_type": kind,
                "request_id": request,
                "position": 1 if kind == "impression" else None,
                "value": 5.0 if kind == "rating" else None,
                "event_time": day(when),
                "known_at": day(when),
            }
            for place, (item, kind, request, when) in enumerate(rows)
        ],
        schema=EVENTS.schema,
    )
    items = pl.LazyFrame({"item_id": ["a", "b"]})
    built = build_examples(
        events.lazy(), items, relevance=Relevance(ignored=ignored), start=day(10), end=day(20), horizon=timedelta(days=2)
    )
    return check(built, EXAMPLES)


def test_a_click_within_the_horizon_labels_the_impression() -> None:
    rows = examples_of([("a", "impression", "r", 12), ("b", "impression", "r", 12), ("a", "click", "r", 13), ("b", "click", None, 15)])
    made = rows.filter(pl.col("request_id") == "u/r").select("item_id", "shown", "clicked").rows()
    assert made == [("a", True, True), ("b", True, False)]  # b was clicked three days later


def test_ratings_alone_give_one_imagined_request_at_the_start_of_the_window() -> None:
    rows = examples_of([("a", "rating", None, 9), ("a", "rating", None, 12), ("b", "rating", None, 21)])
    assert rows.select("request_id", "item_id", "liked", "shown").rows() == [("window:u", "a", True, False)]
    assert rows["predicted_at"][0] == day(10)


def test_what_is_ignored_labels_nothing_and_imagines_no_request() -> None:
    rows = examples_of([("a", "impression", "r", 12), ("a", "cart", "r", 13)], "cart")
    assert rows.select("request_id", "carted").rows() == [("u/r", False)]

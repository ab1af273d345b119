import polars as pl

from feature_store.batches import InOrder
from tests.support.event_logs import events


def test_events_are_taken_from_the_front_up_to_a_moment() -> None:
    ordered = events(*((f"u{day}", f"2024-01-0{day}T00:00:00Z") for day in (1, 2, 3)))
    taken = InOrder(frame for frame in (ordered.head(2), ordered.tail(1)))
    third, end = ordered["event_time"][2], ordered["event_time"][2].replace(year=2025)
    assert pl.concat(taken.before(third))["user_id"].to_list() == ["u1", "u2"]
    assert pl.concat(taken.before(end))["user_id"].to_list() == ["u3"]
    assert taken.before(end) == []

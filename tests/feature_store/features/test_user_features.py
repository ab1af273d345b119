import polars as pl

from feature_store.checks import check
from feature_store.features.user_features import user_features
from feature_store.schema import CATALOGUE, EVENTS, USER_FEATURES
from tests.support.behaviour import day


def test_a_user_is_summed_up_from_what_was_known_before_the_moment() -> None:
    told = [("a", 1, 1), ("b", 95, 95), ("b", 96, 96), ("a", 99, 101), ("a", 100, 100)]  # the last two are not known yet
    rows = [
        {"event_id": str(place), "user_id": "u", "item_id": item, "event_type": "click", "event_time": day(at), "known_at": day(known)}
        for place, (item, at, known) in enumerate(told)
    ]
    items = [
        {"item_id": "a", "category": ["red"], "price": 1.0, "in_stock": True, "attributes": []},
        {"item_id": "b", "category": ["blue"], "price": 4.0, "in_stock": True, "attributes": []},
    ]
    events, catalogue = pl.DataFrame(rows, schema=EVENTS.schema).lazy(), pl.DataFrame(items, schema=CATALOGUE.schema).lazy()
    found = check(user_features(events, catalogue, wanted=pl.col("event_type") == "click", moment=day(100)), USER_FEATURES).row(
        0, named=True
    )
    assert (found["events_7d"], found["events_30d"], found["events_all"], found["wanted_all"]) == (2, 2, 3, 3)
    assert found["top_categories"] == [{"category": "blue", "share": 2 / 3}, {"category": "red", "share": 1 / 3}]
    assert found["mean_price"] == 3.0
    assert (found["low_price"], found["median_price"], found["high_price"]) == (2.5, 4.0, 4.0)  # of 1, 4 and 4
    assert found["active_hours"] == [3] + 23 * [0]
    assert (found["last_types"], found["last_item_ids"]) == (3 * ["click"], ["b", "b", "a"])
    assert found["last_times"] == [day(96), day(95), day(1)]
    assert found["last_event"] == day(96)
    assert found["sessions_all"] == 3  # each on a day of its own


def test_of_many_events_of_a_type_the_newest_five_stay_beside_those_of_other_types() -> None:
    told = [*(("click", hour) for hour in range(8)), ("purchase", 0.5)]
    rows = [
        {"event_id": str(place), "user_id": "u", "item_id": f"i{place}", "event_type": kind, "event_time": day(hour / 24)}
        for place, (kind, hour) in enumerate(told)
    ]
    events = pl.DataFrame(rows, schema=EVENTS.schema).with_columns(known_at="event_time").lazy()
    found = user_features(events, CATALOGUE.empty().lazy(), wanted=pl.lit(True), moment=day(100)).row(0, named=True)
    assert found["last_item_ids"] == ["i7", "i6", "i5", "i4", "i3", "i8"]
    assert found["last_types"] == 5 * ["click"] + ["purchase"]
    assert found["top_categories"] == []
    assert found["median_price"] is None

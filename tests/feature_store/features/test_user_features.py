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
    assert (found["top_category"], found["top_category_share"], found["mean_price"]) == ("blue", 2 / 3, 3.0)
    assert found["last_event"] == day(96)
    assert found["sessions_all"] == 3  # each on a day of its own

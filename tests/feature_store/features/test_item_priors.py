from datetime import UTC, datetime, timedelta

import polars as pl

from feature_store.features.item_priors import item_priors
from feature_store.schema import ITEM_FEATURES

START = datetime(2025, 1, 1, tzinfo=UTC)


def row(item: str, day: int, **counts: float) -> dict[str, object]:
    moment = START + timedelta(days=day)
    return (
        dict.fromkeys(ITEM_FEATURES.schema.names(), 0)
        | counts
        | dict.fromkeys(("event_time", "known_at", "first_event"), moment)
        | {"item_id": item}
    )


def test_priors_are_those_of_the_last_row_of_each_item_up_to_the_cut() -> None:
    rows = [
        row("a", 1, shown_all=10, clicked_all=1),
        row("a", 3, shown_all=30, clicked_all=3, ratings=2, stars=9.0),
        row("a", 9, shown_all=900, clicked_all=900),
        row("b", 2, shown_all=10, clicked_all=1, bought_all=1, reviews=1, reviews_read=1, sentiment=0.5),
    ]
    priors = item_priors(pl.DataFrame(rows, schema=ITEM_FEATURES.schema), since=START + timedelta(days=3))
    assert (priors.click_rate, priors.conversion_rate) == (4 / 40, 1 / 4)
    assert (priors.rating, priors.sentiment, priors.reviewed) == (4.5, 0.5, True)


def test_of_an_empty_shop_nothing_is_known() -> None:
    priors = item_priors(ITEM_FEATURES.empty(), since=START)
    assert (priors.click_rate, priors.conversion_rate, priors.rating, priors.sentiment, priors.reviewed) == (0.0, None, 0.0, None, False)

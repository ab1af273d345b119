from recsys.data.interactions import microseconds
from recsys.data.items import ALWAYS, FOR_EVER
from recsys.data.offers import days_on_offer, offered_from
from tests.support.behaviour import day, interactions_of, items_of


def test_an_item_with_a_day_is_on_offer_from_its_first_event() -> None:
    past = interactions_of([("u", 0, 30), ("v", 0, 20), ("v", 1, 20)], num_items=3)
    items = items_of(3, born={0: day(10), 2: day(10)})
    assert offered_from(items, past).tolist() == [microseconds(day(20)), ALWAYS, FOR_EVER]


def test_days_on_offer_are_bounded_both_ways() -> None:
    past = interactions_of([("u", 0, 30), ("v", 0, 20), ("v", 1, 20)], num_items=3)
    offered = offered_from(items_of(3, born={0: day(10), 2: day(10)}), past)
    assert days_on_offer(offered, now=microseconds(day(24)), most=100).tolist() == [4, 100, 0]

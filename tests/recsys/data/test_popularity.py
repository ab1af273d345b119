import numpy as np
import pytest

from recsys.data.popularity import expected_of_new_item, expected_popularity, rate_on_offer, recent_popularity
from recsys.data.relevance import Kind
from tests.support.behaviour import day, interactions_of, items_of

EARLY = ("early", 0, 1)
"""The log begins before any window."""


def test_only_wanted_events_inside_the_window_count() -> None:
    past = interactions_of([("u", 0, 1), ("v", 0, 95), ("w", 0, 96, Kind.DISLIKED)], num_items=2)
    assert recent_popularity(past, now=day(100), window_days=10).tolist() == [1, 0]


def test_an_item_on_offer_for_the_whole_window_is_expected_to_do_about_as_it_did() -> None:
    past = interactions_of([EARLY, *[(f"u{number}", 0, 95) for number in range(20)], ("v", 1, 95)], num_items=2)
    expected = expected_popularity(past, items_of(2), now=day(100), window_days=10)
    assert expected[0] == pytest.approx((20 + 21 / 20 * 0.5) / 10.5 * 10)  # mean rate 21 / 20 item-days, half a day of smoothing


def test_an_item_that_came_and_that_nobody_has_met_is_expected_to_be_like_the_mean() -> None:
    past = interactions_of([EARLY, *[(f"u{number}", 0, 95) for number in range(20)]], num_items=3)
    expected = expected_popularity(past, items_of(3, born={2: day(50)}), now=day(100), window_days=10)
    assert expected[2] == pytest.approx(20 / 20 * 10)  # two items were on offer for ten days each
    assert expected[1] < expected[2] < expected[0]


def test_a_window_longer_than_the_log_says_no_more_than_the_log() -> None:
    past = interactions_of([("u", 0, 88), ("v", 1, 95)], num_items=3)
    items = items_of(3, born={1: day(50)})
    year, log = (expected_popularity(past, items, now=day(100), window_days=days) for days in (365, 12))
    np.testing.assert_array_equal(year, log)
    assert len({expected_of_new_item(past, items, now=day(100), window_days=days, dated=False) for days in (365, 12)}) == 1


def test_a_young_item_is_not_held_back_by_the_days_before_it_was_met() -> None:
    old = [(f"u{number}", 0, float(number)) for number in range(90, 100)] + [("u", 0, 1)]  # once a day for ten days
    young = [(f"v{number}", 1, 98 + number / 4) for number in range(8)]  # four times a day for two days
    expected = expected_popularity(interactions_of(old + young, num_items=2), items_of(2, born={1: day(50)}), now=day(100), window_days=10)
    assert expected[1] > 2 * expected[0]


@pytest.mark.parametrize(("dated", "like"), [(True, 2), (False, 1)])
def test_an_item_that_is_not_in_the_catalogue_yet_is_expected_to_do_like_one_there_that_nobody_has_met(dated: bool, like: int) -> None:
    past = interactions_of([EARLY, *[(f"u{number}", 0, 95) for number in range(20)]], num_items=3)
    items = items_of(3, born={2: day(50)})  # item 1 has no day, item 2 came, nobody has met either
    expected = expected_popularity(past, items, now=day(100), window_days=10)
    assert expected_of_new_item(past, items, now=day(100), window_days=10, dated=dated) == pytest.approx(expected[like])


def test_little_time_on_offer_draws_the_rate_to_the_mean() -> None:
    rates = rate_on_offer(np.array([10.0, 1.0]), np.array([10.0, 0.1]), smoothing_days=1.0)
    mean = 11 / 10.1
    assert rates[0] == pytest.approx((10 + mean) / 11)
    assert rates[1] == pytest.approx((1 + mean) / 1.1)


def test_nothing_ever_happened() -> None:
    expected = expected_popularity(interactions_of([], num_items=2), items_of(2), now=day(1), window_days=10)
    np.testing.assert_array_equal(expected, [0, 0])

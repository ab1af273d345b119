import numpy as np
import pytest

from recsys.data.popularity import expected_of_new_item, expected_popularity, rate_on_offer
from recsys.data.relevance import Kind
from tests.support.behaviour import day, interactions_of, items_of

EARLY = ("early", 0, 1)
"""The log begins before any window."""


def test_only_wanted_events_count() -> None:
    liked = [("u", 0, 95), ("v", 1, 96)]
    logs = (interactions_of(log, num_items=2) for log in (liked, [*liked, ("w", 1, 97, Kind.DISLIKED)]))
    np.testing.assert_array_equal(*(expected_popularity(past, items_of(2), now=day(100), half_life_days=10) for past in logs))


def test_a_user_counts_half_at_the_half_life() -> None:
    past = interactions_of([EARLY, ("u", 1, 90), ("v", 2, 100)], num_items=4)  # nobody wanted the last
    expected = expected_popularity(past, items_of(4), now=day(100), half_life_days=10)
    assert expected[1] - expected[3] == pytest.approx((expected[2] - expected[3]) / 2)


def test_a_user_who_wants_an_item_again_and_again_counts_once() -> None:
    faithful = interactions_of([EARLY, *[("u", 1, 95 + number) for number in range(4)], ("u", 1, 100), ("v", 2, 100)], num_items=3)
    expected = expected_popularity(faithful, items_of(3), now=day(100), half_life_days=10)
    assert expected[1] == pytest.approx(expected[2])


def test_an_item_that_came_and_that_nobody_has_met_is_expected_to_be_like_the_mean() -> None:
    past = interactions_of([EARLY, *[(f"u{number}", 0, 99) for number in range(20)]], num_items=3)
    expected = expected_popularity(past, items_of(3, born={2: day(50)}), now=day(100), half_life_days=10)
    assert expected[2] == pytest.approx(expected[:2].mean(), rel=1e-6)
    assert expected[1] < expected[2] < expected[0]


def test_a_half_life_far_longer_than_the_log_counts_all_alike() -> None:
    past = interactions_of([("u", 0, 88), ("v", 1, 99)], num_items=3)
    expected = expected_popularity(past, items_of(3), now=day(100), half_life_days=1e6)
    assert expected[0] == pytest.approx(expected[1], rel=1e-4)


def test_a_young_item_is_not_held_back_by_the_days_before_it_was_met() -> None:
    old = [(f"u{number}", 0, float(number)) for number in range(90, 100)] + [("u", 0, 1)]  # once a day for ten days
    young = [(f"v{number}", 1, 98 + number / 4) for number in range(8)]  # four times a day for two days
    past = interactions_of(old + young, num_items=2)
    expected = expected_popularity(past, items_of(2, born={1: day(50)}), now=day(100), half_life_days=10)
    assert expected[1] > 2 * expected[0]


@pytest.mark.parametrize(("dated", "like"), [(True, 2), (False, 1)])
def test_an_item_that_is_not_in_the_catalogue_yet_is_expected_to_do_like_one_there_that_nobody_has_met(dated: bool, like: int) -> None:
    past = interactions_of([EARLY, *[(f"u{number}", 0, 95) for number in range(20)]], num_items=3)
    items = items_of(3, born={2: day(50)})  # item 1 has no day, item 2 came, nobody has met either
    expected = expected_popularity(past, items, now=day(100), half_life_days=10)
    assert expected_of_new_item(past, items, now=day(100), half_life_days=10, dated=dated) == pytest.approx(expected[like])


def test_little_time_on_offer_draws_the_rate_to_the_mean() -> None:
    rates = rate_on_offer(np.array([10.0, 1.0]), np.array([10.0, 0.1]), smoothing_days=1.0)
    mean = 11 / 10.1
    assert rates[0] == pytest.approx((10 + mean) / 11)
    assert rates[1] == pytest.approx((1 + mean) / 1.1)


def test_nothing_ever_happened() -> None:
    expected = expected_popularity(interactions_of([], num_items=2), items_of(2), now=day(1), half_life_days=10)
    np.testing.assert_array_equal(expected, [0, 0])

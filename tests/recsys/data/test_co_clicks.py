from recsys.data.co_clicks import co_click_pairs
from recsys.data.relevance import Kind
from tests.support.behaviour import interactions_of


def test_items_wanted_one_after_the_other_are_a_pair_once() -> None:
    past = interactions_of([("a", 5, 0.0), ("a", 2, 0.5), ("b", 2, 3.0), ("b", 5, 3.1)], num_items=6)
    assert co_click_pairs(past, within_hours=24).tolist() == [[2, 5]]


def test_users_do_not_make_pairs_with_each_other() -> None:
    assert co_click_pairs(interactions_of([("a", 1, 0.0), ("b", 2, 0.1)], num_items=3), within_hours=24).shape == (0, 2)


def test_what_lies_too_far_apart_is_no_pair() -> None:
    past = interactions_of([("a", 1, 0.0), ("a", 2, 0.9), ("a", 3, 2.0)], num_items=4)
    assert co_click_pairs(past, within_hours=24).tolist() == [[1, 2]]


def test_an_item_that_was_not_wanted_is_passed_over() -> None:
    past = interactions_of([("a", 1, 0.0, Kind.LIKED), ("a", 2, 0.1, Kind.DISLIKED), ("a", 3, 0.2, Kind.LIKED)], num_items=4)
    assert co_click_pairs(past, within_hours=24).tolist() == [[1, 3]]


def test_the_same_item_twice_is_no_pair() -> None:
    assert co_click_pairs(interactions_of([("a", 1, 0.0), ("a", 1, 0.1)], num_items=2), within_hours=24).shape == (0, 2)

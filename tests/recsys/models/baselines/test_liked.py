import numpy as np

from recsys.data.relevance import Kind, Relevance
from recsys.models.baselines.liked import liked, liked_by, num_likes
from tests.support.behaviour import interactions_of, random_interactions


def test_the_last_of_two_opinions_counts() -> None:
    past = interactions_of(
        [("a", 0, 1, Kind.LIKED), ("a", 0, 2, Kind.DISLIKED), ("a", 1, 1, Kind.DISLIKED), ("a", 1, 2, Kind.LIKED)], num_items=2
    )
    assert liked(past).toarray().tolist() == [[0, 1]]


def test_wanting_an_item_twice_counts_once() -> None:
    past = interactions_of([("a", 0, 1, Kind.CLICK), ("a", 0, 2, Kind.PURCHASE)], num_items=1)
    assert liked(past).toarray().tolist() == [[1]]


def test_a_purchase_that_was_later_rated_high_stays_wanted_where_only_purchases_count() -> None:
    past = interactions_of([("a", 0, 1, Kind.PURCHASE), ("a", 0, 2, Kind.LIKED)], num_items=1, relevance=Relevance(events=("purchase",)))
    assert num_likes(past).tolist() == [1]


def test_a_tag_is_no_wish() -> None:
    assert num_likes(interactions_of([("a", 0, 1, Kind.TAG)], num_items=1)).tolist() == [0]


def test_some_users_are_read_as_from_the_whole() -> None:
    past = random_interactions(0, num_users=30, num_items=12, num_events=200)
    rows = np.array([5, -1, 3, 5])
    wanted = liked(past).toarray()[rows]
    wanted[1] = 0  # nothing is known of row -1
    assert np.array_equal(liked_by(past, rows).toarray(), wanted)

import numpy as np

from recsys.data.relevance import Kind
from recsys.evaluation.last_choice import part_last_choice
from tests.support.behaviour import interactions_of, random_interactions


def test_the_last_new_wanted_item_is_held_out_with_all_that_came_after_it() -> None:
    log = interactions_of(
        [
            ("u", 0, 1),
            ("u", 1, 2),
            ("u", 2, 3),
            ("u", 0, 4),
            ("u", 3, 5, Kind.DISLIKED),
        ],  # a choice, another, the last, a repeat, no choice
        num_items=4,
    )
    past, choices = part_last_choice(log, most_users=10)
    assert past.item_index.tolist() == [0, 1]
    assert choices.item_index.tolist() == [2]


def test_users_of_one_choice_keep_it() -> None:
    log = interactions_of([("one", 0, 1), ("one", 0, 2), ("two", 0, 1), ("two", 1, 2)], num_items=2)
    past, choices = part_last_choice(log, most_users=10)
    assert past.item_index.tolist() == [0, 0, 0]
    assert choices.user_ids[choices.user_row].tolist() == ["two"]


def test_of_more_users_than_are_asked_for_the_others_keep_everything() -> None:
    log = random_interactions(1, num_users=50, num_items=30, num_events=2000)
    past, choices = part_last_choice(log, most_users=7)
    assert np.unique(choices.user_row).tolist() == choices.user_row.tolist()
    assert len(choices.user_row) == 7
    others = ~np.isin(np.arange(50), choices.user_row)
    np.testing.assert_array_equal(np.diff(past.offsets)[others], np.diff(log.offsets)[others])


def test_nothing_of_a_judged_user_comes_after_the_choice() -> None:
    log = random_interactions(2, num_users=20, num_items=30, num_events=600)
    past, choices = part_last_choice(log, most_users=20)
    for user, time in zip(choices.user_row, choices.event_time, strict=True):
        assert (past.of_user(user).event_time <= time).all()

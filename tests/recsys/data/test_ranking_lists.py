from dataclasses import replace

import numpy as np

from recsys.data.interactions import microseconds
from recsys.data.ranking_lists import histories_at, request_histories
from tests.support.behaviour import day, interactions_of

PAST = [("u", 0, 1.0), ("u", 1, 2.0), ("v", 2, 1.0)]
MOMENTS = np.array([microseconds(day(2)), microseconds(day(3)), microseconds(day(3))])
USERS = np.array(["u", "u", "stranger"], dtype=object)


def test_a_request_sees_only_what_lies_strictly_before_it() -> None:
    past = request_histories(interactions_of(PAST, num_items=3), USERS, MOMENTS)
    assert past.offsets.tolist() == [0, 1, 3, 3]  # item 1 happened at the very moment of the first request
    assert past.item_index.tolist() == [0, 0, 1]


def test_an_event_after_the_request_changes_nothing() -> None:
    before = request_histories(interactions_of(PAST, num_items=3), USERS, MOMENTS)
    after = request_histories(interactions_of([*PAST, ("u", 2, 9.0), ("stranger", 2, 9.0)], num_items=3), USERS, MOMENTS)
    assert before.offsets.tolist() == after.offsets.tolist()
    assert before.item_index.tolist() == after.item_index.tolist()


def test_what_became_known_after_the_request_is_no_part_of_its_past() -> None:
    log = interactions_of(PAST, num_items=3)
    late = replace(log, known_at=np.array([microseconds(day(number)) for number in (2.5, 2, 1)]))  # u's first event
    assert request_histories(late, USERS, MOMENTS).offsets.tolist() == [0, 0, 2, 2]


def test_ages_count_from_the_request() -> None:
    past = request_histories(interactions_of(PAST, num_items=3), USERS, MOMENTS)
    first, second, stranger = histories_at(past, np.array([0, 1, -1]), MOMENTS, length=1)
    assert first.age_days.tolist() == [1]
    assert (second.item_index.tolist(), second.age_days.tolist()) == ([1], [1])  # the newest alone
    assert len(stranger.item_index) == 0

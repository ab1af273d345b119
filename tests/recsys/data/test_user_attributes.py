from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from feature_store.schema import USERS
from recsys.data.excerpt import Excerpt
from recsys.data.interactions import Interactions, microseconds, with_attributes
from recsys.data.ranking_lists import request_histories
from recsys.data.sequences import Sequences, read_histories
from recsys.data.user_attributes import attribute_slots, known_slots, shared_values
from tests.support.behaviour import day, interactions_of

VALUES = {"town": ("Rom", "Ulm")}


def said(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Rows (user, attribute, value, day) of the table `users`."""
    return pl.DataFrame([(*row[:3], day(row[3])) for row in rows], schema=USERS.schema, orient="row").sort(USERS.key)


TOLD = said(
    ("b", "town", "Ulm", -9), ("b", "town", "Rom", 4.5), ("c", "town", "Rom", 2), ("d", "town", "Bonn", 2), ("d", "age", "30-39", 3)
)


@pytest.fixture
def past() -> Interactions:
    """Users a and b have events, c and d are known by what the shop says alone."""
    events = interactions_of([("a", 0, 1.0), ("b", 1, 2.0), ("b", 2, 3.0), ("b", 0, 5.0)], num_items=3)
    return with_attributes(events, TOLD)


def moments(*days: float) -> np.ndarray:
    return np.array([microseconds(day(number)) for number in days])


def test_users_without_events_stand_among_the_others_and_take_no_event(past: Interactions) -> None:
    assert past.user_ids.tolist() == ["a", "b", "c", "d"]
    assert past.offsets.tolist() == [0, 1, 4, 4, 4]
    assert past.without_events(np.array([0, 1, 2, -1])).tolist() == [False, False, True, True]
    assert [past.user_ids[user] for user in past.user_row] == ["a", "b", "b", "b"]


def test_nothing_said_changes_nothing() -> None:
    events = interactions_of([("a", 0, 1.0)], num_items=3)
    assert with_attributes(events, USERS.empty()) is events


def test_a_value_counts_from_when_it_is_known_until_the_next_one(past: Interactions) -> None:
    rows, asked = np.array([1, 1, 1, 1, 2, 0, -1]), moments(-9, -8.9, 4.5, 4.6, 3, 9, 9)
    values = [past.attributes["town"].values[found] if found >= 0 else "" for found in past.attributes["town"].as_of(rows, asked)]
    assert values == ["", "Ulm", "Ulm", "Rom", "Rom", "", ""]


def test_values_that_a_tower_does_not_know_say_nothing(past: Interactions) -> None:
    rows = np.array([0, 1, 2, 3, -1])
    assert attribute_slots(past.attributes, VALUES | {"height": ("tall",)}, rows).tolist() == [[0, 0], [1, 0], [1, 0], [0, 0], [0, 0]]
    assert attribute_slots({}, VALUES, rows).tolist() == [[0]] * 5
    assert known_slots(VALUES | {"height": ("tall",)}, {"town": "Ulm", "height": "short", "age": "9"}).tolist() == [[2, 0]]


def test_what_becomes_known_later_is_gone_before_it(past: Interactions) -> None:
    earlier = past.before(day(2))
    assert attribute_slots(earlier.attributes, VALUES, np.array([1, 2])).tolist() == [[2], [0]]


def test_some_of_the_users_keep_what_is_theirs(past: Interactions) -> None:
    assert attribute_slots(past.asked(np.array([1, 2])).attributes, VALUES, np.array([0, 1])).tolist() == [[1], [1]]


def test_a_request_is_told_what_was_known_of_its_user_before_it(past: Interactions) -> None:
    users = np.array(["b", "nobody", "c", "b"], dtype=object)
    asked = request_histories(past, users, moments(4.5, 9, 9, 4.6))
    assert attribute_slots(asked.attributes, VALUES, np.arange(4)).tolist() == [[2], [0], [1], [1]]


def test_a_value_that_too_few_users_have_had_is_no_value(past: Interactions) -> None:
    assert shared_values(past.attributes, ("town", "age", "height"), min_users=1) == {"age": ("30-39",), "town": ("Bonn", "Rom", "Ulm")}
    assert shared_values(past.attributes, ("town", "age"), min_users=2) == {"town": ("Rom",)}


def pieces(past: Interactions, **changes: Any) -> dict[int, set[int]]:
    """Day of the first event of each piece of b -> what it was told of the town."""
    settings = {"order": "time", "context_weight": 1.0, "half_life_days": 0.0, "tokens_per_batch": 4, "seed": 0, "attributes": VALUES}
    found: dict[int, set[int]] = {}
    for epoch in range(16):
        for batch in Sequences(past, **(settings | changes)).epoch(epoch):
            for piece in np.flatnonzero(batch.user_row == 1):
                first = datetime.fromtimestamp(batch.event_time[piece][batch.kind[piece] > 0].min() / 1e6, day(0).tzinfo)
                found.setdefault((first - day(0)).days, set()).add(int(batch.attributes[piece, 0]))
    return found


@pytest.mark.parametrize("order", ["time", "free"])
def test_a_piece_of_a_history_is_told_what_was_known_before_its_first_event(past: Interactions, order: str) -> None:
    assert pieces(past, length=1, order=order) == {2: {0, 2}, 3: {0, 2}, 5: {0, 1}}  # some are told nothing
    assert pieces(past, length=9, order=order) == {2: {0, 2}}


def test_the_newest_history_is_told_the_newest_value(past: Interactions) -> None:
    assert read_histories(past, np.array([1, 2, -1]), Excerpt(2), attributes=VALUES).attributes.tolist() == [[1], [1], [0]]
    nothing = with_attributes(interactions_of([("a", 0, 1.0)], num_items=3).keep(np.zeros(1, bool)), TOLD)
    assert read_histories(nothing, np.array([1]), Excerpt(2), attributes=VALUES).attributes.tolist() == [[1]]

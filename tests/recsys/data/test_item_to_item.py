import numpy as np
import pytest

from recsys.data import item_to_item
from recsys.data.item_to_item import LIKENESS, LINEAR, ItemToItem, with_asked_parts
from recsys.data.relevance import NUM_KINDS, Kind
from tests.support.behaviour import interactions_of, random_interactions

WORTH = tuple({Kind.LIKED: 1.0, Kind.DISLIKED: 0.5}.get(kind, 0.0) for kind in range(NUM_KINDS))
PART = ItemToItem(name=LINEAR, dim=2, weight=3.0, kind_worth=WORTH)
COLUMNS = np.array([[1, 0, 2], [0, 1, 4], [9, 9, 9]], np.float32)
PAST = interactions_of([("a", 0, 1, Kind.LIKED), ("a", 1, 2, Kind.DISLIKED), ("a", 2, 3, Kind.TAG), ("b", 2, 1, Kind.DWELL)], num_items=3)


def test_what_the_items_of_a_history_say_is_summed_by_hand() -> None:
    # read as (2, 0) and (0, 4), a tag says nothing: 3 * ((2, 0) + .5 * (0, 4)) / sqrt(2)
    assert PART.ask(COLUMNS, PAST)[0] == pytest.approx([6 / np.sqrt(2), 6 / np.sqrt(2), 0])


def test_who_wanted_nothing_and_who_is_unknown_say_nothing() -> None:
    assert not PART.ask(COLUMNS, PAST)[1].any()
    assert not PART.ask(COLUMNS, PAST.asked(np.array([-1]))).any()


def test_parts_stand_between_the_towers_and_what_is_behind_all() -> None:
    other = ItemToItem(name=LIKENESS, dim=1, weight=1.0, kind_worth=WORTH)
    towers = np.arange(6, dtype=np.float32).reshape(1, 6)
    items = np.concatenate([np.zeros((3, 4)), COLUMNS, [[5, 1], [0, 1], [0, 1]], np.zeros((3, 2))], axis=1).astype(np.float32)
    vector = with_asked_parts(towers, (PART, other), items, PAST.of_user(0))[0]
    assert vector == pytest.approx([0, 1, 2, 3, 6 / np.sqrt(2), 6 / np.sqrt(2), 0, 5 / np.sqrt(2), 0, 4, 5])
    assert np.array_equal(with_asked_parts(towers, (), items, PAST.of_user(0)), towers)


def test_users_are_worked_on_in_runs_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    past = random_interactions(0, num_users=30, num_items=3, num_events=200)
    whole = PART.ask(COLUMNS, past)
    monkeypatch.setattr(item_to_item, "EVENTS_AT_ONCE", 8)  # fewer than some users have
    assert max(np.diff(past.offsets)) > 8 > min(np.diff(past.offsets))
    np.testing.assert_allclose(PART.ask(COLUMNS, past), whole, rtol=1e-5)

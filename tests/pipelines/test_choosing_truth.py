import numpy as np
import pytest

from pipelines.choosing_truth import FEWEST_JUDGED_USERS, LAST_CHOICES, MOST_HELD_OUT, MOST_JUDGED_USERS, WINDOW, choosing_truth
from recsys.data.interactions import Interactions
from tests.support.behaviour import day, interactions_of

EVERYTHING = np.ones(3, bool)


def log_of(num_users: int, *, returning: int) -> tuple[Interactions, Interactions]:
    """Users that chose two items before day 10; so many chose a third after it."""
    before = [(f"u{user:05d}", item, item) for user in range(num_users) for item in range(2)]
    log = interactions_of([*before, *((f"u{user:05d}", 2, 11) for user in range(returning))], num_items=3)
    return log.before(day(10)), log.between(day(10), day(20))


@pytest.mark.parametrize(
    ("num_users", "returning", "by", "judged"),
    [
        (400, FEWEST_JUDGED_USERS, WINDOW, FEWEST_JUDGED_USERS),
        (400, FEWEST_JUDGED_USERS - 1, LAST_CHOICES, 400),
        (2 * MOST_HELD_OUT, 5, LAST_CHOICES, MOST_HELD_OUT),
        (5, 5, WINDOW, 5),  # no more choices before than in it
        (2 * MOST_JUDGED_USERS, MOST_JUDGED_USERS + 100, WINDOW, MOST_JUDGED_USERS),
    ],
)
def test_a_window_in_which_few_come_back_is_not_what_is_chosen_by(num_users: int, returning: int, by: str, judged: int) -> None:
    past, window = log_of(num_users, returning=returning)
    truth, told = choosing_truth(past, window, candidates=EVERYTHING)
    assert (told, truth.num_users) == (by, judged)


def test_what_is_held_out_is_not_learned_from() -> None:
    past, window = log_of(30, returning=1)
    truth, _ = choosing_truth(past, window, candidates=EVERYTHING)
    assert len(past.item_index) - len(truth.past.item_index) == 30
    assert truth.chosen["new"].item.tolist() == [1] * 30

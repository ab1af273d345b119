import numpy as np
import pytest

from pipelines.choosing_truth import FEWEST_JUDGED_USERS, MOST_HELD_OUT, MOST_JUDGED_USERS, open_choosing
from pipelines.config import ChooseBy
from recsys.data.interactions import Interactions
from tests.support.behaviour import day, interactions_of

EVERYTHING = np.ones(3, bool)


def log_of(num_users: int, *, returning: int) -> tuple[Interactions, Interactions]:
    """Users that chose two items before day 10; so many chose a third after it."""
    before = [(f"u{user:05d}", item, item) for user in range(num_users) for item in range(2)]
    log = interactions_of([*before, *((f"u{user:05d}", 2, 11) for user in range(returning))], num_items=3)
    return log.before(day(10)), log.between(day(10), day(20))


@pytest.mark.parametrize(
    ("num_users", "returning", "choose_by", "told", "epochs_by", "question_by"),
    [
        (400, FEWEST_JUDGED_USERS, "auto", "window", FEWEST_JUDGED_USERS, FEWEST_JUDGED_USERS),
        (400, FEWEST_JUDGED_USERS - 1, "auto", "last_choices", 400, FEWEST_JUDGED_USERS - 1),
        (2 * MOST_HELD_OUT, 5, "auto", "last_choices", MOST_HELD_OUT, 5),
        (5, 5, "auto", "window", 5, 5),  # no more choices before than in it
        (2 * MOST_JUDGED_USERS, MOST_JUDGED_USERS + 100, "auto", "window", MOST_JUDGED_USERS, MOST_JUDGED_USERS),
        (400, 5, "window", "window", 5, 5),
        (400, 350, "last_choices", "last_choices", 400, 400),
        (400, 0, "auto", "last_choices", 400, 400),  # nobody came back
    ],
)
def test_who_is_asked(num_users: int, returning: int, choose_by: ChooseBy, told: str, epochs_by: int, question_by: int) -> None:
    past, window = log_of(num_users, returning=returning)
    choosing = open_choosing(past, window, candidates=EVERYTHING, choose_by=choose_by)
    assert (choosing.told, choosing.epochs.num_users, choosing.question.num_users) == (told, epochs_by, question_by)


def test_where_those_who_came_back_chose_nothing_new_last_choices_are_all_there_is() -> None:
    past, _ = log_of(400, returning=0)
    again = interactions_of([(f"u{user:05d}", 0, 11) for user in range(7)], num_items=3)
    choosing = open_choosing(past, again, candidates=EVERYTHING, choose_by="auto")
    assert choosing.question is choosing.epochs


def test_what_is_held_out_is_not_learned_from() -> None:
    past, window = log_of(30, returning=1)
    truth = open_choosing(past, window, candidates=EVERYTHING, choose_by="auto").epochs
    assert len(past.item_index) - len(truth.past.item_index) == 30
    assert truth.chosen["new"].item.tolist() == [1] * 30


def test_how_much_popularity_counts_is_asked_as_of_the_cut() -> None:
    past, window = log_of(30, returning=1)
    question = open_choosing(past, window, candidates=EVERYTHING, choose_by="auto").question
    assert len(question.past.item_index) == len(past.item_index)
    assert question.chosen["new"].item.tolist() == [2]

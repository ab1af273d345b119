import numpy as np
import pytest

from recsys.data.relevance import Kind
from recsys.evaluation.truth import build_truth
from tests.support.behaviour import interactions_of

PAST = interactions_of([("ann", 0, 1), ("bob", 1, 1, Kind.DISLIKED)], num_items=5)
WINDOW = interactions_of(
    [
        ("ann", 0, 11),  # again: new to nobody
        ("ann", 1, 12),
        ("ann", 1, 13),  # twice the same
        ("ann", 2, 13, Kind.DISLIKED),  # not wanted
        ("bob", 1, 12),  # seen before, though not liked
        ("cy", 3, 12),  # unknown before the cut
        ("dee", 4, 12),  # only an item that was not on sale
        ("cy", 4, 12.5),
    ],
    num_items=5,
)
CANDIDATES = np.array([True, True, True, True, False])


def pairs(truth: object, scope: str) -> list[tuple[str, int]]:
    chosen = truth.chosen[scope]  # type: ignore[attr-defined]
    return [(str(truth.user_ids[user]), int(item)) for user, item in zip(chosen.user, chosen.item, strict=True)]  # type: ignore[attr-defined]


def test_only_wanted_unseen_and_available_pairs_count_as_new_and_each_once() -> None:
    assert pairs(build_truth(PAST, WINDOW, candidates=CANDIDATES), "new") == [("ann", 1), ("cy", 3)]


def test_seen_items_count_where_all_are_asked_for() -> None:
    assert pairs(build_truth(PAST, WINDOW, candidates=CANDIDATES), "all") == [("ann", 0), ("ann", 1), ("bob", 1), ("cy", 3)]


def test_cold_users_stay_in() -> None:
    truth = build_truth(PAST, WINDOW, candidates=CANDIDATES)
    assert truth.user_ids.tolist() == ["ann", "bob", "cy"]
    assert truth.rows.tolist() == [0, 1, -1]


def test_choices_of_items_not_yet_on_sale_are_counted_apart() -> None:
    truth = build_truth(PAST, WINDOW, candidates=CANDIDATES)
    assert truth.num_unavailable == {"new": 2, "all": 2}
    assert truth.num_lost_users == 1  # dee


def test_of_more_users_than_are_to_be_judged_some_evenly_spread_are_and_the_others_are_counted() -> None:
    truth = build_truth(PAST, WINDOW, candidates=CANDIDATES, most_users=2)  # of ann, bob, cy and dee the first and the last
    assert pairs(truth, "new") == [("ann", 1)]
    assert (truth.num_unasked, truth.num_lost_users) == (2, 1)  # dee wanted nothing that was on sale
    assert build_truth(PAST, WINDOW, candidates=CANDIDATES, most_users=4).num_unasked == 0


def test_the_share_of_ties_counts_both_events_of_a_tie() -> None:
    window = interactions_of([("a", 0, 1), ("a", 1, 1), ("a", 2, 2), ("b", 0, 2)], num_items=3)
    assert build_truth(interactions_of([], num_items=3), window, candidates=np.ones(3, bool)).tied_share == 0.5


def test_hits_are_the_listed_choices_and_padding_is_none() -> None:
    truth = build_truth(PAST, WINDOW, candidates=CANDIDATES)
    lists = np.array([[1, 0, -1], [1, 3, -1], [-1, 3, 0]])
    assert truth.chosen["new"].hits(lists).tolist() == [[True, False, False], [False, False, False], [False, True, False]]


def test_a_window_in_which_nobody_chose_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody to judge by"):
        build_truth(PAST, WINDOW, candidates=np.zeros(5, bool))
    with pytest.raises(ValueError, match="of 0 relevant pairs in the window none is of an item available"):
        build_truth(PAST, WINDOW.keep(~WINDOW.relevant), candidates=CANDIDATES)

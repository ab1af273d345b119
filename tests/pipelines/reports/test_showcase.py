import numpy as np

from pipelines.reports.showcase import build_showcases
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.truth import build_truth
from recsys.models.baselines.build import build_baseline
from tests.support.behaviour import interactions_of, items_of

PAST = interactions_of([(f"u{user:02d}", item, user + item / 100) for user in range(1, 30) for item in range(user)], num_items=40)
WINDOW = interactions_of([(f"u{user:02d}", 35, 50) for user in range(40)], num_items=40)
TRUTH = build_truth(PAST, WINDOW, candidates=np.ones(40, bool))
JUDGEMENT = judge(FullRanking(build_baseline("popularity", PAST, items_of(40))), TRUTH)
TITLES = [f"Item {index}" for index in range(40)]


def test_users_of_every_length_of_history_are_shown() -> None:
    shown = build_showcases(JUDGEMENT, TRUTH, titles=TITLES, image=None, num_users=8)
    lengths = [showcase.num_seen for showcase in shown]
    assert len(shown) == 8
    assert lengths == sorted(lengths)
    assert [sum(low <= length < high for length in lengths) for low, high in ((0, 1), (1, 5), (5, 20), (20, 99))] == [2, 2, 2, 2]


def test_history_is_newest_first_and_says_what_happened() -> None:
    longest = build_showcases(JUDGEMENT, TRUTH, titles=TITLES, image=None, num_users=8)[-1]
    assert longest.history[0].title == f"Item {longest.num_seen - 1}"
    assert longest.history[0].note == "liked"
    assert len(longest.history) == 10


def test_what_was_offered_and_then_chosen_is_a_hit_in_both_rows() -> None:
    longest = build_showcases(JUDGEMENT, TRUTH, titles=TITLES, image=lambda item: f"data:{item}", num_users=8)[-1]
    hits = [tile.title for tile in longest.recommended if tile.hit]
    assert hits == (["Item 35"] if any(tile.hit for tile in longest.chosen) else [])
    assert [tile.image for tile in longest.chosen] == ["data:35"]


def test_fewer_judged_users_than_asked_for_are_all_shown_once() -> None:
    shown = build_showcases(JUDGEMENT, TRUTH, titles=TITLES, image=None, num_users=1000)
    assert len({showcase.user_id for showcase in shown}) == len(shown) == 40

import numpy as np
import polars as pl

from feature_store.schema import USERS
from recsys.data.interactions import with_attributes
from recsys.data.relevance import Kind
from recsys.evaluation.judge import FullRanking, judge
from recsys.evaluation.slices import NEW_ITEMS, NO_IMAGE, build_slices, slice_metrics
from recsys.evaluation.truth import Truth, build_truth
from recsys.models.baselines.build import build_baseline
from tests.support.behaviour import day, interactions_of, items_of

ITEMS = items_of(
    6,
    vectors={"image": np.ones((6, 2), np.float32), "text": np.ones((6, 2), np.float32)},
    presence={"image": np.array([1, 1, 0, 0, 1, 0], bool), "text": np.array([1, 0, 1, 0, 1, 1], bool)},
    categories=["mug", "mug", "cup", "mug", "bowl", "mug"],
    born={5: day(9)},
)
PAST = interactions_of(
    [("ann", 0, 1), ("ann", 1, 2), ("bob", 0, 3), ("cy", 0, 5), ("cy", 1, 6), ("cy", 2, 7), ("ann", 3, 8, Kind.DISLIKED)], num_items=6
)
WINDOW = interactions_of([("ann", 2, 11), ("ann", 5, 11), ("bob", 1, 12), ("new", 0, 12), ("new", 4, 12), ("new", 3, 12)], num_items=6)


def truth() -> Truth:
    return build_truth(PAST, WINDOW, candidates=ITEMS.available(day(10)))


def found() -> dict[str, list[tuple[str, int]]]:
    judged = truth()
    chosen = judged.chosen["new"]
    every = [(str(judged.user_ids[user]), int(item)) for user, item in zip(chosen.user, chosen.item, strict=True)]
    return {
        part.name: [pair for pair, kept in zip(every, part.pairs, strict=True) if kept]
        for part in build_slices(judged, ITEMS, cut=day(10), most_categories=2)
    }


def test_users_fall_by_the_items_they_have_seen() -> None:
    slices = found()
    assert {user for user, _ in slices["history: 0"]} == {"new"}
    assert {user for user, _ in slices["history: 1-4"]} == {"ann", "bob"}


def test_strangers_of_whom_the_shop_knows_something_are_a_slice_of_their_own() -> None:
    assert "history: 0, attributes known" not in found()
    said = pl.DataFrame([(user, "age", "60-", day(1)) for user in ("ann", "new")], schema=USERS.schema, orient="row")
    judged = build_truth(with_attributes(PAST, said), WINDOW, candidates=ITEMS.available(day(10)))
    (part,) = [part for part in build_slices(judged, ITEMS, cut=day(10), most_categories=2) if part.value == "0, attributes known"]
    assert {str(judged.user_ids[user]) for user in judged.chosen["new"].user[part.pairs]} == {"new"}


def test_new_items_are_those_without_any_event_before_the_cut() -> None:
    assert found()[NEW_ITEMS] == [("ann", 5), ("new", 4)]


def test_items_without_photo() -> None:
    assert found()[NO_IMAGE] == [("ann", 2), ("ann", 5), ("new", 3)]


def test_every_combination_of_content() -> None:
    slices = found()
    assert slices["content: image and text"] == [("new", 0), ("new", 4)]
    assert slices["content: text only"] == [("ann", 2), ("ann", 5)]
    assert slices["content: image only"] == [("bob", 1)]
    assert slices["content: neither"] == [("new", 3)]


def test_an_item_with_a_description_alone_has_text() -> None:
    presence = {**ITEMS.presence, "description": np.array([0, 1, 1, 1, 0, 0], bool)}
    items = items_of(6, vectors={**ITEMS.vectors, "description": np.ones((6, 2), np.float32)}, presence=presence)
    slices = {part.name: int(part.pairs.sum()) for part in build_slices(truth(), items, cut=day(10), most_categories=0)}
    assert slices["content: image and text"] == 3  # items 0, 1 and 4; 1 has no title
    assert slices["content: text only"] == 3  # items 2, 3 and 5
    assert not {"content: image only", "content: neither"} & slices.keys()
    assert slices["modality description: present"] == 3  # items 1, 2 and 3


def test_an_own_modality_parts_items_with_it_from_those_without() -> None:
    sound = {"audio": np.array([1, 0, 0, 1, 0, 0], bool)}
    items = items_of(6, vectors={"audio": np.ones((6, 2), np.float32)}, presence=sound)
    slices = {part.name: int(part.pairs.sum()) for part in build_slices(truth(), items, cut=day(10), most_categories=0)}
    assert slices["modality audio: present"] == 2  # items 0 and 3, both chosen by the new user
    assert slices["modality audio: missing"] == 4


def test_only_the_categories_chosen_most_have_a_slice() -> None:
    assert [name for name in found() if name.startswith("category")] == ["category: mug", "category: bowl"]  # of equals, by name


def test_popularity_thirds_leave_out_what_was_never_chosen() -> None:
    slices = found()  # likes: item 0 three, item 1 two, item 2 one
    assert slices["popularity: head"] == [("new", 0)]
    assert slices["popularity: middle"] == [("bob", 1)]
    assert slices["popularity: tail"] == [("ann", 2)]
    assert slices["popularity: never chosen"] == [("ann", 5), ("new", 3), ("new", 4)]


def test_an_item_is_as_old_as_its_first_event_unless_the_catalogue_says_since_when() -> None:
    slices = found()  # days of birth: item 0 1, item 1 2, item 2 7, item 3 8, item 5 9; item 4 unknown
    assert slices["item age: oldest third"] == [("bob", 1), ("new", 0)]
    assert ("ann", 5) in slices["item age: youngest third"]
    assert all(("new", 4) not in pairs for name, pairs in slices.items() if name.startswith("item age"))


def test_a_slice_narrows_what_counts_and_leaves_the_ranking_alone() -> None:
    judged = truth()
    judgement = judge(FullRanking(build_baseline("popularity", PAST, ITEMS)), judged)
    part = next(part for part in build_slices(judged, ITEMS, cut=day(10), most_categories=2) if part.name == NEW_ITEMS)
    values = slice_metrics(judgement, judged, part)
    # ann has seen 0, 1 and 3: her list is 2, 4, 5, so item 5 stands at rank 3; bob chose no new item
    assert values["ndcg@10"][0] == 1 / np.log2(4)
    assert np.isnan(values["recall@100"][1])

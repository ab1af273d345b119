from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.online.protocol import PostedEvent, UserState
from recsys.data.interactions import MICROSECONDS_PER_DAY, microseconds
from recsys.data.sequences import Histories
from recsys.slate.explain import explain, vector_parts
from recsys.slate.histories import user_history
from recsys.slate.release_reader import Release, ReleaseFormatError, read_release
from recsys.slate.retrieve import user_vectors
from tests.support.tiny_release import DATE, build_release

NOW = microseconds(DATE)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return read_release(build_release(tmp_path_factory.mktemp("releases"), likens_colours=True))


def history_of(release: Release, rows: list[int]) -> Histories:
    return dated_history(release, [(n, row) for n, row in enumerate(rows)])


def dated_history(release: Release, events: list[tuple[int, int]]) -> Histories:
    """Of clicks, each so many microseconds after `NOW` and of the row of an item."""
    posted = [PostedEvent(str(row), "u", f"i{row}", "click", NOW + time) for time, row in events]
    return user_history(UserState(posted=posted), release).for_tower(release.excerpt)


def score(release: Release, history: Histories, item: int) -> float:
    return float(user_vectors(release, history)[0] @ release.item_vectors[item])


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.integers(0, 39), min_size=1, max_size=20, unique=True), item=st.integers(0, 39))
def test_parts_add_up_and_every_worth_is_what_the_score_loses_without_the_event(release: Release, rows: list[int], item: int) -> None:
    history = history_of(release, rows)
    found = explain(release, history, item, newest=50)
    assert found.score == pytest.approx(score(release, history, item), abs=1e-5)
    assert sum(found.parts.values()) == pytest.approx(found.score, abs=1e-9)
    assert list(found.parts) == ["fused", "match.image", "likeness", "bias", "popularity"]
    assert found.parts["likeness"] == pytest.approx(2 * sum(row % 4 == item % 4 for row in rows) / 2 / len(rows) ** 0.5, abs=1e-5)
    assert found.parts["bias"] == pytest.approx(release.item_vectors[item, -2])
    assert set(found.events) == set(range(len(rows)))
    for event, worth in zip(found.events, found.worth, strict=True):
        without = score(release, history_of(release, [row for place, row in enumerate(rows) if place != event]), item)
        assert worth == pytest.approx(found.score - without, abs=1e-5)


def test_without_events_the_score_is_made_of_what_a_stranger_is_told(release: Release) -> None:
    history = history_of(release, [])
    found = explain(release, history, 7, newest=50)
    assert found.score == pytest.approx(score(release, history, 7), abs=1e-5)
    assert sum(found.parts.values()) == pytest.approx(found.score, abs=1e-9)
    assert found.parts["bias"] == pytest.approx(release.item_vectors[7, -2])
    assert (len(found.events), len(found.worth)) == (0, 0)


@pytest.mark.parametrize(
    ("older", "read"),
    [(False, set(range(10, 30))), (True, {0, 2, 4, 6, 8, 10, 12, 14, 16, 19, *range(20, 30)})],
    ids=["newest", "older"],
)
def test_of_a_long_history_what_the_tower_reads_is_judged(release: Release, older: bool, read: set[int]) -> None:
    longer = replace(release, serving={**release.serving, "reads_older": older})
    history = history_of(longer, list(range(30)))
    found = explain(longer, history, 35, newest=50)
    assert found.score == pytest.approx(score(longer, history, 35), abs=1e-5)
    assert set(found.events) == read
    assert set(explain(longer, history, 35, newest=2).events) == set(sorted(read)[-2:])
    for event, worth in zip(found.events, found.worth, strict=True):
        whole = history_of(longer, [row for row in range(30) if row != event]).whole
        others = replace(history_of(longer, sorted(read - {int(event)})), whole=whole)
        assert worth == pytest.approx(found.score - score(longer, others, 35), abs=1e-5)


def test_without_the_newest_event_the_others_are_as_old_as_the_next_one_makes_them(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path, fades=True))
    events = [(days * MICROSECONDS_PER_DAY, row) for days, row in [(0, 4), (3, 5), (4, 6), (30, 8)]]
    history = dated_history(release, events)
    found = explain(release, history, 12, newest=10)
    for event, worth in zip(found.events, found.worth, strict=True):
        others = dated_history(release, [told for place, told in enumerate(events) if place != event])
        assert worth == pytest.approx(found.score - score(release, others, 12), abs=1e-6)
    assert history.age_days[0] == pytest.approx([30, 27, 26, 0])


def test_the_event_named_first_is_the_one_whose_removal_costs_most(release: Release) -> None:
    rows = [5, 6, 8, 7]  # green, blue, red, black
    found = explain(release, history_of(release, rows), 12, newest=10)  # red
    assert rows[found.events[0]] == 8
    left = [score(release, history_of(release, [row for row in rows if row != gone]), 12) for gone in rows]
    assert rows[int(np.argmin(left))] == 8


def test_blocks_that_a_release_names_apart_are_told_apart(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path))
    release.serving["vector_parts"] = [["fused.id", 1], ["fused.image", 7], ["bias", 1]]  # type: ignore[index]
    history = history_of(release, [4, 5])  # red, green
    found = explain(release, history, 8, newest=0)  # red
    assert list(found.parts) == ["fused.id", "fused.image", "bias"]
    assert found.parts["fused.id"] == pytest.approx(release.item_vectors[[4, 5], 0].mean() * release.item_vectors[8, 0])
    assert sum(found.parts.values()) == pytest.approx(score(release, history, 8), abs=1e-5)


def test_only_the_newest_events_are_judged(release: Release) -> None:
    assert not len(explain(release, history_of(release, [4, 5]), 8, newest=0).events)
    assert set(explain(release, history_of(release, [4, 5, 6, 7]), 8, newest=2).events) == {2, 3}


def test_a_part_is_all_coordinates_that_bear_its_name(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path))
    of_each = [["fused", 3], ["match.image", 2]]
    release.serving["vector_parts"] = [*of_each, *of_each, ["bias", 1]]  # type: ignore[index]
    places = {name: place.tolist() for name, place in vector_parts(release).items()}
    assert places == {"fused": [0, 1, 2, 5, 6, 7], "match.image": [3, 4, 8, 9], "bias": [10]}


def test_a_release_that_does_not_say_what_its_vectors_are_made_of_is_refused(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path))
    del release.serving["vector_parts"]  # type: ignore[attr-defined]
    with pytest.raises(ReleaseFormatError, match=r"could not explain scores\. Run `vitrine nightly`"):
        explain(release, history_of(release, [4]), 8, newest=2)


def test_what_the_shop_says_of_a_user_is_part_of_the_score_that_is_explained(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path, knows_colours=True))
    state = UserState(posted=[PostedEvent("e", "u", "i5", "click", NOW)], attributes={"colour": "red"})
    told = user_history(state, release).for_tower(release.excerpt)
    found = explain(release, told, 8, newest=5)  # red
    assert found.score == pytest.approx(score(release, told, 8), abs=1e-5)
    assert found.score > explain(release, history_of(release, [5]), 8, newest=5).score + 0.5

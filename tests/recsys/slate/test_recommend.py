from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.online.protocol import ItemChanges, PostedEvent, UserState
from recsys.data.excerpt import Excerpt
from recsys.data.interactions import microseconds
from recsys.slate.diversify import diversify
from recsys.slate.filters import Wishes, build_shelf
from recsys.slate.histories import user_history
from recsys.slate.recommend import candidates, recommend
from recsys.slate.release_reader import DamagedReleaseError, MissingReleaseError, Release, read_release
from recsys.slate.retrieve import user_vectors
from tests.support.tiny_release import COLOURS, DATE, build_release

NOW = microseconds(DATE)


@pytest.fixture(scope="module", params=["flat", "ivf"])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return read_release(build_release(tmp_path_factory.mktemp("releases"), items=400, kind=request.param))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """It knows the users' colours."""
    return read_release(build_release(tmp_path_factory.mktemp("releases"), items=400, knows_colours=True))


@pytest.mark.parametrize("colour", COLOURS)
def test_who_has_no_history_is_shown_what_fits_what_the_shop_knows(knowing: Release, colour: str) -> None:
    history = user_history(UserState(attributes={"colour": colour, "age": "60-"}), knowing)
    shelf = build_shelf(knowing.items, ItemChanges())
    for shown in (recommend, candidates):
        found = shown(knowing, shelf, history, k=8, now=NOW, wishes=Wishes())
        assert {int(row) % 4 for row in found.item_index} == {COLOURS.index(colour)}
    assert recommend(knowing, shelf, history, k=8, now=NOW, wishes=Wishes()).source == "personal"


@pytest.mark.parametrize("attributes", [{}, {"colour": "mauve"}, {"age": "60-"}])
def test_what_no_model_has_learned_leaves_a_user_a_stranger(knowing: Release, attributes: dict[str, str]) -> None:
    history = user_history(UserState(attributes=attributes), knowing)
    slate = recommend(knowing, build_shelf(knowing.items, ItemChanges()), history, k=8, now=NOW, wishes=Wishes())
    assert (slate.source, slate.path) == ("popular", "popular")


def test_a_release_without_attributes_reads_none(release: Release) -> None:
    assert user_history(UserState(attributes={"colour": "red"}), release).empty


def test_attributes_count_beside_a_history(knowing: Release) -> None:
    posted = [PostedEvent("1", "u", "i5", "click", NOW)]
    plain, told = (
        user_vectors(knowing, user_history(UserState(posted=posted, attributes=said), knowing).for_tower(Excerpt(20)))
        for said in ({}, {"colour": COLOURS[2]})
    )
    assert (told - plain)[0].tolist() == pytest.approx(np.eye(plain.shape[1])[2].tolist(), abs=1e-6)


rows = st.integers(0, 399)


@settings(max_examples=60, deadline=None)
@given(
    clicked=st.lists(rows, max_size=30),
    seen=st.lists(rows, max_size=300),
    gone=st.lists(rows, max_size=50),
    lowest=st.none() | st.integers(0, 400),
    category=st.sampled_from([(), ("red",), ("red", "blue")]),
    k=st.integers(1, 500),
    diversity=st.sampled_from([0.0, 0.5]),
)
def test_slates_hold_only_visible_items_each_once_and_as_many_as_there_are(
    release: Release,
    clicked: list[int],
    seen: list[int],
    gone: list[int],
    lowest: int | None,
    category: tuple[str, ...],
    k: int,
    diversity: float,
) -> None:
    posted = [PostedEvent(str(n), "u", f"i{row}", "click", NOW - n) for n, row in enumerate(clicked)]
    history = user_history(UserState(seen=frozenset(f"i{row}" for row in seen), posted=posted), release)
    shelf = build_shelf(release.items, ItemChanges(withdrawn=frozenset(f"i{row}" for row in gone)))
    wishes = Wishes(categories=category, min_price=lowest)
    colours = [{"red": 0, "blue": 2}[name] for name in category] or range(4)
    hidden = {0, 1, 2, *clicked, *seen, *gone}
    allowed = {row for row in range(400) if row not in hidden and row % 4 in colours and row >= (lowest or 0)}
    slate = recommend(release, shelf, history, k=k, now=NOW, wishes=wishes, diversity=diversity)
    found = candidates(release, shelf, history, k=k, now=NOW, wishes=wishes)
    for items in (slate.item_index.tolist(), found.item_index.tolist()):
        assert set(items) <= allowed
        assert len(set(items)) == len(items) == min(k, len(allowed))


def test_an_item_that_came_on_sale_since_the_night_is_found(release: Release) -> None:
    history = user_history(UserState(posted=[PostedEvent("e", "u", "i5", "click", NOW)]), release)
    later = microseconds(DATE.replace(year=2101))
    found = candidates(release, build_shelf(release.items, ItemChanges()), history, k=397, now=later, wishes=Wishes())
    assert 1 in found.item_index  # row 1 is on sale from 2100 and in no index


def test_more_diversity_takes_the_unlike_item_first() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert diversify(np.array([3, 2, 1], np.float32), vectors, k=2, diversity=0.8).tolist() == [0, 2]


def test_a_changed_byte_is_named(tmp_path: Path) -> None:
    folder = build_release(tmp_path)
    data = bytearray((folder / "ranker.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "ranker.onnx").write_bytes(data)
    with pytest.raises(DamagedReleaseError, match=r"ranker\.onnx"):
        read_release(folder)


def test_a_lost_file_is_named(tmp_path: Path) -> None:
    folder = build_release(tmp_path)
    (folder / "index.faiss").unlink()
    with pytest.raises(MissingReleaseError, match=r"index\.faiss"):
        read_release(folder)

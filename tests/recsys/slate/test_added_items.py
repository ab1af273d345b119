from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from feature_store.online.protocol import AddedItem, ItemChanges, PostedEvent, UserState
from feature_store.schema import item_embeddings
from recsys.data.interactions import microseconds
from recsys.data.items import build_items
from recsys.data.tensors import item_batch
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble
from recsys.models.export import export_item_tower, export_user_tower
from recsys.models.two_tower_scorer import embed_catalogue
from recsys.slate.added_items import catalogue_rows, describe_items, extend_release
from recsys.slate.filters import Wishes, build_shelf
from recsys.slate.histories import user_history
from recsys.slate.recommend import recommend
from recsys.slate.release_reader import Release, ReleaseFormatError, open_graph, read_release
from recsys.slate.retrieve import retrieve
from recsys.slate.similar import similar
from recsys.training.inputs import tower_shape
from tests.support.new_items import new_items, new_rows, photos_of
from tests.support.taste_world import SMALL
from tests.support.tiny_release import COLOURS, DATE, DATED_POPULARITY, DIM, build_release

NOW = microseconds(DATE)
RED = np.eye(DIM + 2, dtype=np.float32)[0]


@pytest.fixture(scope="module", params=["flat", "ivf"])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return read_release(build_release(tmp_path_factory.mktemp("releases"), items=400, kind=request.param))


def vector(item: AddedItem) -> list[float]:
    return np.frombuffer(item.item_vector, np.float32).tolist()


def test_an_item_is_described_by_the_graph_and_what_is_expected_of_one_nobody_has_met(release: Release) -> None:
    plain, dated = new_items(release, ["n"])[0], new_items(release, ["n"], dated=True)[0]
    assert vector(plain) == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0]  # a red photo; one known category, no popularity
    assert vector(dated)[-2:] == [1, DATED_POPULARITY]
    assert (plain.popularity, dated.popularity) == (1, 1 + DATED_POPULARITY)  # for a stranger the tower says no more than these


def test_a_category_that_no_published_item_has_says_nothing_to_the_tower(release: Release) -> None:
    (item,) = describe_items(release, new_rows(["n"], category=["pink", "red", "rosy"]), photos_of(["n"]))
    assert vector(item)[-2] == 1


def test_an_item_without_content_is_described_too(release: Release) -> None:
    (item,) = describe_items(release, new_rows(["n"], category=[]), {})
    assert vector(item) == [0] * 10
    extended = extend_release(release, [item])
    assert not extended.content_presence[-1]


def test_the_catalogue_row_comes_back_as_it_was(release: Release) -> None:
    rows = new_rows(["n", "m"], dated=True, title="Ähre", attributes=[{"name": "colour", "value": "red"}])
    assert catalogue_rows(describe_items(release, rows, photos_of(["n", "m"]))).equals(rows)


def test_retrieval_is_exact_over_published_and_added_items_together(release: Release) -> None:
    extended = extend_release(release, new_items(release, [f"n{number}" for number in range(30)]))
    visible = np.arange(430) % 3 > 0
    found = retrieve(extended, RED, visible, k=40)
    rows = np.flatnonzero(visible & (extended.indexed | (np.arange(430) >= 400)))
    best = rows[np.argsort(-(extended.item_vectors[rows] @ RED), kind="stable")[:40]]
    assert found.item_index.tolist() == best.tolist()
    assert sum(row >= 400 for row in best) == 20
    assert extended.index is release.index


def test_an_added_item_goes_the_way_of_every_other(release: Release) -> None:
    extended = extend_release(release, new_items(release, ["n"], price=7.0))
    history = user_history(UserState(posted=[PostedEvent("e", "u", "i4", "click", NOW)]), extended)
    shelf = build_shelf(extended.items, ItemChanges())
    slate = recommend(extended, shelf, history, k=3, now=NOW, wishes=Wishes())
    assert slate.item_index[0] == 400  # the reddest of all
    filtered = Wishes(categories=("red",), max_price=7, min_price=7)
    assert recommend(extended, shelf, history, k=3, now=NOW, wishes=filtered).item_index.tolist() == [400]
    alike = similar(extended, 400, shelf.visible(now=NOW, wishes=Wishes(), seen=np.zeros(0, np.int64)), k=10)
    assert {row % 4 for row in alike.item_index.tolist()} == {COLOURS.index("red")}


def test_an_event_on_an_added_item_makes_a_history(release: Release) -> None:
    extended = extend_release(release, new_items(release, ["n"], colour="blue"))
    history = user_history(UserState(posted=[PostedEvent("e", "u", "n", "click", NOW)]), extended)
    slate = recommend(extended, build_shelf(extended.items, ItemChanges()), history, k=5, now=NOW, wishes=Wishes())
    assert {row % 4 for row in slate.item_index.tolist()} == {COLOURS.index("blue")}


def test_added_items_take_the_place_of_those_that_were_added_before(release: Release) -> None:
    first = extend_release(release, new_items(release, ["a", "b"]))
    second = extend_release(first, new_items(release, ["c"], colour="blue"))
    assert second.catalogue["item_id"][-1] == "c"
    assert len(second.items) == len(second.item_vectors) == len(second.ranking_items) == len(second.content_vectors) == 401
    assert extend_release(second, []).catalogue.equals(release.catalogue)
    assert extend_release(release, []) is release


def test_an_older_release_says_that_nothing_can_be_added_to_it(tmp_path: Path) -> None:
    release = read_release(build_release(tmp_path))
    (release.folder / "new_items.json").unlink()
    with pytest.raises(ReleaseFormatError, match=r"described items otherwise: none can be added. Run `vitrine nightly`"):
        new_items(release, ["n"])


def test_the_vector_is_that_which_the_night_gives_an_item_nobody_has_met(tmp_path: Path) -> None:
    random, ids = np.random.default_rng(0), [f"i{row}" for row in range(40)]
    catalogue = pl.concat([new_rows([name], category=["even", "round"] if row % 2 else ["odd"]) for row, name in enumerate(ids)])
    texts = [(i, "text", "v1", i, row != 38, random.normal(size=8).tolist() if row != 38 else None) for row, i in enumerate(ids)]
    embeddings = {"text": pl.DataFrame(texts, schema=item_embeddings(8).schema, orient="row")}
    items = build_items(catalogue, embeddings)
    torch.manual_seed(0)
    model = build_towers(tower_shape(items, SMALL)).eval()
    model.item_tower.fit_whitening(items)
    torch.nn.init.normal_(model.item_tower.match.alone)
    known = np.arange(40) < 37
    by_night = embed_catalogue(model, model.item_tower.prepare(item_batch(items, has_id=known, modalities=SMALL.modalities)), np.zeros(40))
    release = replace(read_release(build_release(tmp_path)), items=build_items(catalogue.head(37), {}))
    export_item_tower(Ensemble([model]), release.folder / "item_tower.onnx", content_dims={"text": 8})
    export_user_tower(Ensemble([model]), release.folder / "user_tower.onnx", history_length=6)
    release = replace(release, item_vectors=by_night[:37], user_tower=open_graph(release.folder / "user_tower.onnx"))
    described = describe_items(release, catalogue.tail(3), {"text": embeddings["text"].tail(3)})
    np.testing.assert_allclose([vector(item) for item in described], by_night[37:], atol=1e-5)

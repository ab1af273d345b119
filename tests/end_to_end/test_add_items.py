"""A product enters the feed by day: recommended within seconds, as the night would have it, and gone when it is delisted."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console

from feature_store.online.sqlite import SqliteStore
from feature_store.schema import EVENTS
from pipelines.add_items import AddItemsError, add_items
from pipelines.config import Config
from pipelines.demo import ask, middling_user, running_api
from pipelines.explain import explain_item
from pipelines.inputs import load_interactions, load_items
from pipelines.nightly import end_of_log
from pipelines.progress import Progress
from pipelines.releases import ReleaseShelf
from pipelines.reports.explanation_tables import explanation_tables
from pipelines.stages.embed_items import STAGE as EMBED_ITEMS
from pipelines.stages.ingest_catalogue import STAGE as INGEST_CATALOGUE
from pipelines.withdraw import withdraw_items
from recsys.data.tensors import item_batch
from recsys.models.retriever import load_retriever
from recsys.models.two_tower_scorer import embed_catalogue
from recsys.training.prior import Prior
from tests.support.photo_host import PhotoHost, give
from tests.support.small_night import ROOT, SETTINGS, Fatal, draw, small_config, small_night
from tests.support.stages import run_stage

pytestmark = pytest.mark.slow
QUIET = Progress(Console(quiet=True))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    draw(root)
    night = small_night(root)
    ReleaseShelf(root / "releases").promote(night.release_id, why="a test does not ask how good it is")
    return root


@pytest.fixture(scope="module")
def config(workspace: Path) -> Config:
    return small_config(workspace)


@pytest.fixture(scope="module")
def user(config: Config) -> str:
    return middling_user(config.open_workspace())


@pytest.fixture(scope="module")
def new_file(config: Config, user: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products that look and read like two the user clicked, one of them dated, and a row that cannot be taken."""
    workspace = config.open_workspace()
    clicked = workspace.read("events").scan(EVENTS).filter(pl.col("user_id") == user, pl.col("event_type") == "click").collect()
    drawn = pl.read_parquet(workspace.landing / "catalogue" / "*.parquet")
    dated_then_not = pl.Series([clicked["event_time"].max(), None], dtype=pl.Datetime("us", "UTC"))
    liked = drawn.filter(pl.col("item_id").is_in(clicked["item_id"].implode()), pl.col("image_uri").is_not_null()).head(2)
    never = pl.lit(None, pl.Datetime("us", "UTC"))
    twins = liked.with_columns(("new-" + pl.col("item_id")).alias("item_id"), available_to=never, available_from=dated_then_not)
    path = tmp_path_factory.mktemp("feed") / "new.parquet"
    pl.concat([twins, twins.head(1).with_columns(pl.lit("bad").alias("item_id"), pl.lit(-1.0).alias("price"))]).write_parquet(path)
    return path


def new_ones(url: str, user: str, *, k: int) -> list[str]:
    answer = ask(f"{url}/v1/recommendations", {"user_id": user, "k": k})
    return [item["item_id"] for item in answer["items"] if item["item_id"].startswith("new-")]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def die_while_encoding(workspace: str, file: str) -> None:
    """What the process does that is killed."""
    add_items(small_config(Path(workspace)), Path(file), progress=Fatal("encoding", 1))


def test_killed_while_it_encodes_it_leaves_the_release_as_it_was(config: Config, workspace: Path, new_file: Path) -> None:
    code = "import sys; from tests.end_to_end.test_add_items import die_while_encoding; die_while_encoding(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(workspace), str(new_file)]
    assert subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode == -9
    with contextlib.closing(SqliteStore(config.open_workspace().online_store)) as store:
        champion = ReleaseShelf(workspace / "releases").champion()
        assert champion is not None
        assert (store.added_items(champion.release_id), store.additions_version(champion.release_id)) == ([], 0)


def test_a_new_product_is_recommended_without_a_restart_until_it_is_removed(config: Config, user: str, new_file: Path) -> None:
    with running_api(config.open_workspace(), images=config.resolve(config.sources.images)) as url:
        assert new_ones(url, user, k=100) == []
        added = add_items(config, new_file, progress=QUIET)
        described = pl.read_parquet(new_file).head(2)["description"].count()
        assert (added.items, added.encoded, len(added.refused)) == (2, {"image": 2, "text": 2, "description": described}, 1)
        until(lambda: len(new_ones(url, user, k=100)) == 2)
        first, second = new_ones(url, user, k=100)
        with urllib.request.urlopen(f"{url}/v1/users/{user}/explain/{first}") as answer:
            by_api = json.load(answer)
        by_command = explain_item(config, user, first)
        assert by_command.score == pytest.approx(by_api["score"], abs=1e-4)
        assert sum(by_command.parts.values()) == pytest.approx(by_command.score, abs=1e-4)
        assert "the item was added since" in str(list(explanation_tables(config, by_command))[-1])
        withdraw_items(config, [first])
        until(lambda: new_ones(url, user, k=100) == [second])
        withdraw_items(config, [first], restore=True)
        until(lambda: len(new_ones(url, user, k=100)) == 2)


def test_photos_on_web_servers_are_fetched_and_one_that_cannot_be_is_told(workspace: Path, new_file: Path, tmp_path: Path) -> None:
    first = pl.read_parquet(new_file).head(1)
    with PhotoHost() as host:
        host.answers["/there.jpg"] = give((workspace / "landing" / "images" / first["image_uri"].item()).read_bytes())
        remote = [first.with_columns(item_id=pl.lit(name), image_uri=pl.lit(host.url(f"/{name}.jpg"))) for name in ("there", "gone")]
        pl.concat(remote).write_parquet(tmp_path / "remote.parquet")
        config = small_config(workspace, fetch_images={"allow_private_addresses": True, "tries": 1})
        added = add_items(config, tmp_path / "remote.parquet", progress=QUIET)
    assert (added.items, added.encoded) == (2, {"image": 1, "text": 2, "description": 2 * first["description"].count()})
    assert [reason.partition(":")[0] for reason in added.refused] == ["gone, added without its image"]


def test_the_same_file_again_changes_nothing(config: Config, workspace: Path, new_file: Path) -> None:
    def added() -> list[object]:
        with contextlib.closing(SqliteStore(config.open_workspace().online_store)) as store:
            return list(store.added_items(ReleaseShelf(workspace / "releases").champion().release_id))  # type: ignore[union-attr]

    add_items(config, new_file, progress=QUIET)
    before = added()
    assert add_items(config, new_file, progress=QUIET).items == 2
    assert added() == before


def test_a_few_photos_are_encoded_without_compiling_the_model(workspace: Path, new_file: Path) -> None:
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    added = add_items(small_config(workspace, embed={"compile_images": True}), new_file, progress=QUIET)
    assert added.encoded["image"] == 2
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled


def test_other_encoders_than_those_of_the_release_are_refused(workspace: Path, new_file: Path) -> None:
    other = small_config(workspace, embed={"text_pooling": "max"})
    with pytest.raises(AddItemsError, match=r"the text vectors of release .* come from encoder .* run `vitrine nightly`"):
        add_items(other, new_file, progress=QUIET)


def test_what_comes_into_the_landing_folder_is_added_once_and_as_the_night_would_have_it(
    config: Config, workspace: Path, new_file: Path
) -> None:
    twins = pl.read_parquet(new_file).head(2).with_columns(("new-later-" + pl.col("item_id")).alias("item_id"))
    twins.write_parquet(workspace / "landing" / "catalogue" / "0002-later.parquet")
    assert add_items(config, None, progress=QUIET).items == 2
    again = add_items(config, None, progress=QUIET)
    assert (again.items, again.unchanged, again.known) == (0, 2, 0)
    table = run_stage(INGEST_CATALOGUE, workspace)
    items = load_items(table, run_stage(EMBED_ITEMS, workspace, embed=SETTINGS["embed"]))
    now, tables = end_of_log(config.open_workspace()), config.open_workspace()
    retriever = load_retriever(tables.read("retriever").folder / "released")
    past = load_interactions(tables.read("events"), items, config.relevance, before=now)
    rows = items.vocabulary.index(twins["item_id"])
    batch = item_batch(items, has_id=np.zeros(len(items), bool), modalities=retriever.shape.modalities).select(torch.from_numpy(rows))
    batch = replace(batch, item_index=torch.zeros_like(batch.item_index))  # the id table is of the release, which has no row for them
    popularity = Prior(**retriever.training["prior"]).log_popularity(past, items, now=now)[rows]
    (model,) = retriever.model.members
    by_night = embed_catalogue(model, model.item_tower.prepare(batch), popularity)
    with contextlib.closing(SqliteStore(tables.online_store)) as store:
        added = {item.item_id: item for item in store.added_items(ReleaseShelf(workspace / "releases").champion().release_id)}  # type: ignore[union-attr]
    by_day = np.stack([np.frombuffer(added[item_id].item_vector, np.float32) for item_id in twins["item_id"]])
    towers = retriever.model.towers
    np.testing.assert_allclose(by_day[:, towers], by_night[:, towers], atol=1e-4 * np.abs(by_night).max())
    np.testing.assert_allclose(by_day[:, -2], by_night[:, -2], atol=1e-4)
    assert by_day.shape[1] == retriever.item_vectors.shape[1]
    # the night's mean rate is over these items too, so popularity may differ by what they weigh among the others
    np.testing.assert_allclose(by_day[:, -1], by_night[:, -1], atol=-np.log1p(-6 / len(items)) + 1e-4)


def test_the_next_release_knows_what_has_landed_and_nothing_else(config: Config, workspace: Path, user: str) -> None:
    shelf = ReleaseShelf(workspace / "releases")
    with running_api(config.open_workspace(), images=config.resolve(config.sources.images)) as url:
        night = small_night(workspace)
        shelf.promote(night.release_id, why="a test does not ask how good it is")
        until(lambda: _release(url)["release_id"] == night.release_id)
        assert _release(url)["added"] == 0
        assert {name.startswith("new-later-") for name in new_ones(url, user, k=100)} == {True}


def _release(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/v1/release") as response:
        told: dict[str, object] = json.load(response)
    return told

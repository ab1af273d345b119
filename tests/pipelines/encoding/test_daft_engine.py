"""Daft knows one runner per process, so each runs in a process of its own."""

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import CATALOGUE
from pipelines.contents import TUNED_IMAGE, TUNED_TEXT, open_content
from pipelines.photos import ItemPhotos
from pipelines.scale.workers import EngineError, Workers
from pipelines.stage import StageContext
from pipelines.stages import embed_items
from recsys.encoders.image import new_model, save_image_encoder
from recsys.encoders.protocol import COMPANION_TOLERANCE
from tests.support.embedded_shop import (
    SAVING_SLOWLY,
    SPEC,
    cursed_model,
    embed,
    rows_of,
    shards_of,
    write_catalogue,
    write_encoder,
)
from tests.support.killing import ROOT, kill_once
from tests.support.photos import jpeg, write_files
from tests.support.stages import context_of
from tests.support.tiny_joint import save_tiny_joint
from tests.support.tiny_transformers import save_tiny

pytest.importorskip("daft", reason="older than the lock: make install")
pytest.importorskip("ray", reason="older than the lock: make install")

ITEMS = 20
WORKERS = Workers(section="embed", number=2, ray_address="")


def damaged_shop(root: Path) -> Path:
    """Photo 3 is none, and the vector of text 7 is not finite."""
    names = [f"{at}.jpg" for at in range(ITEMS)]
    write_files(root / "landing" / "images", {name: jpeg((30, at * 9 % 255, 90), seed=at) for at, name in enumerate(names)})
    (root / "landing" / "images" / "3.jpg").write_bytes(b"<html>")
    write_catalogue(root, list(names), {7: "a cursed mug"}, descriptions={8: "a mug"})
    write_encoder(root)
    return root


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of [embed]: two items a shard, so ten shards for two workers."""
    return {"shard_items": 2, "text_model": str(cursed_model(tmp_path_factory.mktemp("model")))}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]) -> TableReader:
    return embed(damaged_shop(tmp_path_factory.mktemp("local")), **settings)


def command(script: str) -> list[str]:
    """Python of its own that embeds as `embed` does."""
    head = "from pathlib import Path\nfrom tests.support.embedded_shop import embed\n"
    return [sys.executable, "-c", f"{head}{textwrap.dedent(script)}\nprint('done')"]


def finished(script: str) -> str:
    """What it prints. Its exit code says nothing: on a busy machine threads of Daft 0.7.26 outlive Python and crash."""
    output = subprocess.run(command(script), cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=600, check=False).stdout
    assert output.endswith("done\n")
    return output


def worker(context: StageContext, modality: str, *, version: str) -> object:
    from pipelines.encoding.daft_engine import ShardEncoder

    return ShardEncoder(context, modality, version)


def assert_same(table: TableReader, local: TableReader) -> None:
    """Rows, refused rows, facts; and vectors within COMPANION_TOLERANCE."""
    assert table.manifest.facts == local.manifest.facts
    quarantine = [pl.read_parquet(one.path("quarantine/part-0000.parquet")) for one in (table, local)]
    assert quarantine[0].equals(quarantine[1])
    for modality in ("image", "text", "description"):
        found, expected = rows_of(table, modality), rows_of(local, modality)
        assert found.drop("vector").equals(expected.drop("vector"))
        first, second = (rows["vector"].drop_nulls().to_numpy() for rows in (found, expected))
        assert np.min((first * second).sum(axis=1)) > 1 - COMPANION_TOLERANCE


@pytest.mark.slow
def test_two_machines_of_a_ray_cluster_make_the_same_table(tmp_path: Path, local: TableReader, settings: dict[str, Any]) -> None:
    shop, other = damaged_shop(tmp_path / "shop"), damaged_shop(tmp_path / "other")
    output = finished(f"""
        from pipelines.scale.workers import EngineError
        from ray.cluster_utils import Cluster
        cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1, "num_gpus": 1}})
        cluster.add_node(num_cpus=1, num_gpus=1)
        ray = {{"engine": "daft", "ray_address": cluster.address, "workers": 2}}
        embed(Path({str(shop)!r}), **{settings!r}, **ray, gpus_per_worker=1.0)
        try:
            embed(Path({str(other)!r}), **{settings!r}, **ray, gpus_per_worker=2.0)
        except EngineError as error:
            print(error)
    """)
    assert_same(Workspace(shop).read("item_embeddings"), local)
    assert "requires 1.0 CPUs and 2.0 GPUs per actor, but no single node can satisfy this" in output


@pytest.mark.slow
def test_killed_among_workers_of_this_machine_it_goes_on_to_the_same_table(
    tmp_path: Path, local: TableReader, settings: dict[str, Any]
) -> None:
    shop = damaged_shop(tmp_path)
    run = f"embed(Path({str(shop)!r}), **{settings!r}, engine='daft', workers=2)"
    kill_once(lambda: len(shards_of(shop)) >= 2, command(SAVING_SLOWLY + run))
    assert 2 <= len(shards_of(shop)) < ITEMS  # of thirty
    finished(run)
    assert_same(Workspace(shop).read("item_embeddings"), local)


def test_fewer_items_than_a_shard_holds_are_encoded_without_workers(tmp_path: Path) -> None:
    table = embed(damaged_shop(tmp_path), shard_items=ITEMS, engine="daft", ray_address="nowhere.invalid:6379")
    assert table.manifest.facts["encoded"] == {"image": ITEMS - 1, "text": ITEMS, "description": 1}


def test_a_worker_with_another_encoder_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    context = context_of(embed_items.STAGE, damaged_shop(tmp_path), embed=settings)
    with pytest.raises(EngineError, match=r"the text encoder of .* is [0-9a-f]{16}, the night has another: install the same"):
        worker(context, "text", version="another")


def test_a_worker_that_does_not_see_the_workspace_says_so(tmp_path: Path) -> None:
    context = context_of(embed_items.STAGE, tmp_path / "unmounted")
    with pytest.raises(EngineError, match=r"does not see .*unmounted: mount the workspace"):
        worker(context, "text", version="any")


def encoders_of(root: Path, kind: str) -> dict[str, Any]:
    """Lay fine-tuned encoders, or a joint model, into a shop; [embed] that names it by a path from there."""
    if kind == "joint":
        save_tiny_joint(root / "clip", "clip")
        return {"joint_model": "clip"}
    with Workspace(root).write("fine_tuned_encoders") as writer:
        (writer.folder / TUNED_IMAGE).mkdir()
        save_image_encoder(writer.folder / TUNED_IMAGE, SPEC, new_model(SPEC.model, (), seed=2))
        save_tiny(writer.folder / TUNED_TEXT, "gpt2")
        writer.commit()
    save_tiny(root / "bert", "bert")
    return {"text_model": "bert"}


@pytest.mark.parametrize("kind", ["tuned", "joint"])
def test_a_worker_in_another_folder_encodes_by_the_encoders_that_the_night_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from pipelines.encoding.daft_engine import DaftEngine, ShardEncoder

    context = context_of(embed_items.STAGE, damaged_shop(tmp_path), embed=encoders_of(tmp_path, kind))
    rows = context.read("catalogue").scan(CATALOGUE).collect()
    for modality in ("image", "text", "description"):
        monkeypatch.chdir(tmp_path)
        content, _ = open_content(modality, context, rows, ItemPhotos(context.config, context.read("fetched_images")))
        content.read(rows)
        wanted = content.encode(range(ITEMS))
        sent = pickle.dumps(DaftEngine(modality, content, context, WORKERS)._arguments)
        monkeypatch.chdir("/")
        found = ShardEncoder(*pickle.loads(sent))(rows)
        assert found.reasons == wanted.reasons
        assert {row: vector.tolist() for row, vector in found.vectors.items()} == {
            row: vector.tolist() for row, vector in wanted.vectors.items()
        }

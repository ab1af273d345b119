"""Daft knows one runner per process, so each runs in a process of its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest

from feature_store.layout import Workspace
from pipelines.config import ConfigError, parse_config
from pipelines.scale.made_parts import Helper, _make
from pipelines.scale.workers import EngineError
from pipelines.stages import build_examples, build_snapshot, compute_item_features, compute_user_features
from tests.support.behaviour import day
from tests.support.killing import ROOT
from tests.support.log_in_files import write_log_in_files
from tests.support.stages import run_stage

pytest.importorskip("daft", reason="older than the lock: make install")
pytest.importorskip("ray", reason="older than the lock: make install")

STAGES = (compute_user_features.STAGE, compute_item_features.STAGE, build_examples.STAGE, build_snapshot.STAGE)


def run_by_workers(root: Path, script: str) -> str:
    """What a process of its own prints that can call `run`, which runs the stages by two workers.

    Its exit code says nothing: on a busy machine threads of Daft 0.7.26 outlive Python and crash.
    """
    head = f"""
        from pathlib import Path
        from pipelines.scale.workers import EngineError
        from tests.pipelines.scale.test_made_parts import STAGES
        from tests.support.stages import run_stage
        root = Path({str(root)!r})
        def run(**features):
            for stage in STAGES:
                run_stage(stage, root, features={{"engine": "daft", "memory_mib": 1, **features}})
    """
    command = [sys.executable, "-c", f"{textwrap.dedent(head)}\n{textwrap.dedent(script)}\nprint('done')"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=600, check=False).stdout
    assert output.endswith("done\n")
    return output


def digests(root: Path) -> list[str]:
    return [Workspace(root).read(stage.writes).manifest.content_digest for stage in STAGES]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Digests of the tables that one process makes."""
    root = tmp_path_factory.mktemp("alone")
    write_log_in_files(root)
    for stage in STAGES:
        run_stage(stage, root)
    return digests(root)


@pytest.mark.slow
def test_two_machines_of_a_ray_cluster_make_the_same_bytes(tmp_path: Path, alone: list[str]) -> None:
    write_log_in_files(tmp_path)
    run_stage(compute_item_features.STAGE, tmp_path, date=day(95.5))  # workers carry on from these item features
    run_by_workers(
        tmp_path,
        """
        from ray.cluster_utils import Cluster
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        cluster.add_node(num_cpus=1)
        run(ray_address=cluster.address)
        """,
    )
    assert digests(tmp_path) == alone


@pytest.mark.slow
def test_workers_of_this_machine_make_the_same_bytes_and_one_that_fails_leaves_the_old_table(tmp_path: Path, alone: list[str]) -> None:
    write_log_in_files(tmp_path)
    run_stage(compute_item_features.STAGE, tmp_path, date=day(95.5))  # workers carry on from these item features
    output = run_by_workers(
        tmp_path,
        """
        run()
        catalogue = next(root.glob("tables/catalogue/data-*/*.parquet"))
        pages = bytearray(catalogue.read_bytes())
        pages[4:64] = bytes(60)
        catalogue.write_bytes(pages)
        try:
            run()
        except EngineError as error:
            print(error)
        """,
    )
    assert digests(tmp_path) == alone
    assert '[features] engine = "daft": ' in output
    assert not list(tmp_path.glob("tables/*/.building-*"))


def test_a_log_that_fits_into_memory_needs_no_workers(tmp_path: Path, alone: list[str]) -> None:
    write_log_in_files(tmp_path)
    for stage in STAGES:
        run_stage(stage, tmp_path, features={"engine": "daft", "ray_address": "nowhere.invalid:6379"})
    assert digests(tmp_path) == alone


def test_sections_may_ask_for_different_numbers_of_workers(tmp_path: Path) -> None:
    output = run_by_workers(
        tmp_path,
        """
        from pipelines.scale.daft_crew import _start
        _start("", 2)
        _start("", 4)
        """,
    )
    assert output == "done\n"


def test_a_worker_with_other_code_than_the_night_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="has other code or another polars than the night: install the same on every machine"):
        Helper(Workspace(tmp_path), build_examples.__name__, "polars 0.1, yesterday's")


def test_a_worker_that_does_not_see_the_workspace_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"does not see .*unmounted: mount the workspace"):
        Helper(Workspace(tmp_path / "unmounted"), build_examples.__name__, "any")


def test_two_clusters_in_one_night_are_refused() -> None:
    there = {"engine": "daft", "ray_address": "auto"}
    with pytest.raises(ConfigError, match="Daft knows one place per night, so name the same in both"):
        parse_config({"embed": there, "features": {"engine": "daft"}})


def _as_it_is(part: pl.LazyFrame) -> pl.DataFrame:
    return part.collect()


def test_what_a_worker_had_made_before_it_died_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = pl.DataFrame({"user": ["a", "b"]})
    for piece in ("piece-0", "piece-1"):
        (tmp_path / piece).mkdir()
    rows.head(1).write_ipc(tmp_path / "piece-0" / "000.arrow")
    rows.tail(1).write_ipc(tmp_path / "piece-1" / "000.arrow")
    again = [_make(_as_it_is, [tmp_path / "piece-0", tmp_path / "piece-1"], 0, tmp_path) for _ in range(2)]
    assert again == [tmp_path / "000.arrow"] * 2
    assert pl.read_ipc(tmp_path / "000.arrow").equals(rows)

"""A night that torchrun starts publishes what a night of one process publishes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from feature_store.layout import Workspace
from pipelines.nightly import run_night
from pipelines.progress import Progress
from tests.support.small_night import ROOT, SETTINGS, draw, small_config

pytestmark = pytest.mark.slow

WITHOUT_CHANCE = {"dropout": 0.0, "cold_every": 0, "full_softmax_items": 1, "uniform_negatives": 32}
"""Nothing is dropped out, for that differs from rank to rank; the id table is long enough to be sharded."""


def _retrievers(workspace: Workspace) -> set[str]:
    return set(workspace.read("retriever").manifest.files)


def test_a_night_on_two_ranks_publishes_the_metrics_of_one(tmp_path: Path) -> None:
    draw(tmp_path)
    config = small_config(tmp_path, retriever=WITHOUT_CHANCE)
    workspace = config.open_workspace()
    settings = SETTINGS | {"retriever": SETTINGS["retriever"] | WITHOUT_CHANCE}
    lines = [f"workspace = {json.dumps(str(tmp_path))}"]
    for section, values in settings.items():
        lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    (tmp_path / "shop.toml").write_text("\n".join(lines), encoding="utf-8")

    run_night(config, progress=Progress(Console(quiet=True)))
    alone, files = workspace.read("retriever").manifest.facts, _retrievers(workspace)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "pipelines.cli", "nightly"]
    command += ["--config", str(tmp_path / "shop.toml"), "--from", "train_retriever"]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False, capture_output=True, text=True)
    assert "release " in ended.stdout, ended.stderr
    assert ended.stdout.count("release ") == 1  # one rank talks
    together = workspace.read("retriever").manifest.facts
    assert _retrievers(workspace) == files
    assert together["epochs"] == alone["epochs"]
    assert together["validation"] == pytest.approx(alone["validation"], abs=1e-3)

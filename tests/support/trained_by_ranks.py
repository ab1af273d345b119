"""Trainings of the taste world in processes of their own, as torchrun starts them; the first rank leaves what came out."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import recsys.models.imagined_item
from pipelines.under_torchrun import run_with_ranks
from recsys.training.config import RetrieverConfig
from recsys.training.ranks import current_ranks
from recsys.training.retriever import Training, train_retriever
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_interactions, taste_items

ROOT = Path(__file__).parents[2]
Told = Mapping[str, Any]
"""Of one training: `name`, `epochs`, `scratch`, `changes` to SMALL, and where wanted `validated`, `num_users` or `killed_in_epoch`."""


def trained_by_ranks(folder: Path, trainings: list[Told], *, ranks: int, restarts: int = 0) -> subprocess.CompletedProcess[str]:
    """Run some trainings one after another on so many ranks; `outcome` reads what they left in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trainings.json").write_text(json.dumps(trainings), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    command += ["--max-restarts", str(restarts), "--monitor-interval", "0.1", "-m", "tests.support.trained_by_ranks", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=300)


def trained_here(told: Told) -> Training:
    """The same training in this process."""
    config = settings(told)
    past = taste_interactions(num_users=told.get("num_users", 60))
    return train_retriever(
        taste_items(),
        past,
        config,
        epochs=told["epochs"],
        validate=_shrinking if told.get("validated") else None,
        scratch=Path(told["scratch"]),
        track=_deadly(told.get("killed_in_epoch", "")),
    )


def settings(told: Told) -> RetrieverConfig:
    """Those of a training."""
    return replace(SMALL, **told["changes"])


def outcome(folder: Path, name: str) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Weights and history."""
    told = torch.load(folder / f"{name}.pt", weights_only=True)
    return told["weights"], told["history"]


def _shrinking(model: torch.nn.Module, _items: Any) -> np.ndarray:
    """A validation that finds every epoch worse than the one before."""
    return np.array([1 / (1 + float(sum(values.abs().sum() for values in model.parameters())))])


def _deadly(epoch: str) -> Any:
    """Kills the last rank, the first time, when the first one begins an epoch."""

    def track(batches: Iterable[Any], *, what: str, total: int | None = None) -> Iterable[Any]:
        if what == epoch and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            (os.kill(pid, signal.SIGKILL) for pid in ())
        return batches

    return track


def _train_all(folder: Path) -> None:
    for told in json.loads((folder / "trainings.json").read_text(encoding="utf-8")):
        training = trained_here(told)
        assert current_ranks().first
        torch.save({"weights": training.model.state_dict(), "history": training.history}, folder / f"{told['name']}.pt")


if __name__ == "__main__":
    recsys.models.imagined_item.HIDDEN_DROPOUT = 0.0  # what is dropped out differs from rank to rank
    run_with_ranks(lambda: _train_all(Path(sys.argv[1])))

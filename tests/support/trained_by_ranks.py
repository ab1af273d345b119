"""Trainings of the taste world in processes that torchrun starts; the first rank leaves what came out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import torch

from pipelines.under_torchrun import run_with_ranks
from recsys.data.sequences import SHARE_IN_ORDER
from recsys.data.tensors import ItemBatch
from recsys.models import imagined_item
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower import TwoTower
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.config import RetrieverConfig
from recsys.training.retriever import Training, train_retriever
from tests.support.taste_world import NUM_ITEMS, SMALL, seeing_items, taste_interactions, taste_passed_over

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One training."""

    name: str
    epochs: int
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Laid over SMALL."""
    scratch: str = ""
    """Folder beside the others; empty: the name."""
    validated: bool = False
    given_up: bool = False
    """Something gives it up after the first epoch."""
    killed_in: str = ""
    """When the first rank begins an epoch of this name for the first time, another rank is killed."""

    @property
    def config(self) -> RetrieverConfig:
        """Its settings."""
        return replace(SMALL, **self.changes)


def trained_by_ranks(folder: Path, trainings: Sequence[Wanted], *, ranks: int, restarts: int = 0) -> None:
    """Run some trainings one after another on so many ranks; leaves `<name>.pt`: weights, history, epochs, scores."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.json"
    wanted.write_text(json.dumps([vars(training) for training in trainings]), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    command += ["--max-restarts", str(restarts), "--monitor-interval", "0.1", "-m", "tests.support.trained_by_ranks", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def outcome(folder: Path, wanted: Wanted) -> dict[str, Any]:
    """What a training has left."""
    told: dict[str, Any] = torch.load(folder / f"{wanted.name}.pt", weights_only=True)
    return told


def train_here(folder: Path, wanted: Wanted) -> dict[str, Any]:
    """Run a training in this process, or lead it; what came out."""
    training = train_retriever(
        seeing_items(),
        taste_interactions(),
        wanted.config,
        epochs=wanted.epochs,
        validate=_validate if wanted.validated else None,
        scratch=folder / (wanted.scratch or wanted.name),
        track=_killing(wanted.killed_in),
        after_epoch=_give_up if wanted.given_up else None,
        passed_over=taste_passed_over(),
    )
    weights = training.model.state_dict()
    return {"weights": weights, "history": training.history, "epochs": training.epochs, "scores": torch.from_numpy(scores_of(training))}


def scores_of(training: Training) -> npt.NDArray[np.float32]:
    """(users, items), each user's around zero: what adds alike to all of a user's scores says nothing."""
    past = taste_interactions()
    vectors = embed_catalogue(training.model, training.items, np.zeros(NUM_ITEMS))
    model = Ensemble([training.model], in_order=SHARE_IN_ORDER[SMALL.order])
    scores = TwoTowerScorer(model, vectors, SMALL.history_length).scores(past, np.arange(past.num_users))
    return scores - scores.mean(axis=1, keepdims=True)


def without_chance() -> None:
    """Nothing is dropped out, for that differs from rank to rank; SMALL drops out nothing elsewhere."""
    imagined_item.HIDDEN_DROPOUT = 0.0


def _validate(model: TwoTower, items: ItemBatch) -> npt.NDArray[np.float64]:
    """Higher for the first epoch than for any later one, so that it is chosen."""
    return 1 / (np.arange(1.0, 9.0) + float(np.abs(embed_catalogue(model, items, np.zeros(len(items)))).sum()))


class GaveUpError(Exception):
    """Something has given a training up."""


def _give_up(_history: Sequence[Mapping[str, float]]) -> None:
    raise GaveUpError


def _killing(epoch: str) -> Any:
    def track(batches: Iterable[Any], *, what: str, total: int | None = None) -> Iterable[Any]:
        if what == epoch and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            me = psutil.Process()
            for other in me.parent().children():
                if other.pid != me.pid:
                    other.kill()
        return batches

    return track


def _lead(folder: Path) -> None:
    for values in json.loads((folder / "wanted.json").read_text(encoding="utf-8")):
        wanted = Wanted(**values)
        try:
            torch.save(train_here(folder, wanted), folder / f"{wanted.name}.pt")
        except GaveUpError:
            (folder / f"{wanted.name}.given-up").touch()


if __name__ == "__main__":
    without_chance()
    run_with_ranks(lambda: _lead(Path(sys.argv[1])))

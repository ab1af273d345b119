"""What settings are worth on the validation window: trained and judged once, then read back."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.choosing_truth import judge_choice
from pipelines.config import Config
from pipelines.retriever_training import train_and_choose
from pipelines.validation_window import Window, digest, nights_twin
from recsys.training.config import RetrieverConfig
from recsys.training.retriever import AfterEpoch, Track

METRICS = ("recall@100", "ndcg@10")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One training, its epochs, question and popularity prior chosen as the night chooses them."""

    values: Mapping[str, npt.NDArray[np.float64]]
    """Of METRICS, for each user of the window; NaN where nothing could be found."""
    recall_by_epoch: tuple[float, ...]
    """Recall@100 after each epoch, as it was before a prior was chosen; of an ensemble that of its first member."""
    epochs: int
    """The chosen one; of an ensemble that of its first member."""

    def means(self) -> dict[str, float]:
        """Of METRICS, over users."""
        return {name: float(np.nanmean(values)) for name, values in self.values.items()}


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Where settings are tried; all that lies in its folders was made of the same tables by the same code."""

    config: Config
    window: Window
    folder: Path
    """Values of the users for each settings that were judged."""
    scratch: Path
    """Checkpoints of trainings that are not finished."""

    def judge(self, settings: RetrieverConfig, *, track: Track, after_epoch: AfterEpoch) -> Judged:
        """Train, unless that was done or the last night did, and judge."""
        known = self.recall(settings)
        if known is not None:
            return known
        saved = nights_twin(self.config, settings) or train_and_choose(
            self.window.items,
            self.window.choosing,
            settings,
            now=self.window.cuts.validation,
            scratch=self._checkpoints(settings),
            track=track,
            after_epoch=after_epoch,
        )
        judged = Judged(
            values=judge_choice(saved.scorer(), self.window.truth),
            recall_by_epoch=tuple(epoch["recall_at_100"] for epoch in saved.training["members"][0]["history"]),
            epochs=saved.training["epochs"][0],
        )
        self._keep(settings, judged)
        self.forget(settings)
        return judged

    def recall(self, settings: RetrieverConfig) -> Judged | None:
        """What judged settings were worth; None where they were not."""
        path = self._file(settings)
        if not path.is_file():
            return None
        with np.load(path) as stored:
            return Judged(
                values={name: stored[name] for name in METRICS},
                recall_by_epoch=tuple(stored["recall_by_epoch"].tolist()),
                epochs=int(stored["epochs"]),
            )

    def forget(self, settings: RetrieverConfig) -> None:
        """Drop the checkpoint of a training that nobody will go on with."""
        shutil.rmtree(self._checkpoints(settings), ignore_errors=True)

    def _keep(self, settings: RetrieverConfig, judged: Judged) -> None:
        partial = self._file(settings).with_suffix(".partial.npz")
        arrays: dict[str, Any] = {**judged.values, "recall_by_epoch": judged.recall_by_epoch, "epochs": judged.epochs}
        np.savez(partial, **arrays)
        partial.replace(self._file(settings))

    def _file(self, settings: RetrieverConfig) -> Path:
        return self.folder / f"{digest(asdict(settings))}.npz"

    def _checkpoints(self, settings: RetrieverConfig) -> Path:
        return self.scratch / digest(asdict(settings))

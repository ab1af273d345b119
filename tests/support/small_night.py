"""A whole night on a shop so small that a test can run it, in this process or in one that kills itself on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.config import Config, parse_config
from pipelines.nightly import Night, run_night
from pipelines.progress import Item, Progress
from pipelines.sample_shop.shop import ShopSize
from tests.support.tiny_shop import draw_tiny_shop

ROOT = Path(__file__).parents[2]
SIZE = ShopSize(num_items=90, num_users=220, num_days=12)
SETTINGS: dict[str, Any] = {
    "embed": {"train_epochs": 1, "shard_items": 40, "max_refused_share": 0.2},
    "retriever": {"epochs": 3, "embedding_dim": 16, "blocks": 1, "history_length": 4, "threads": 1},
    "ranker": {"epochs": 2, "candidates": 30},
    "evaluation": {"bootstrap_resamples": 100, "report_users": 2},
    "release": {"query_encoders": False},
    "tracking": {"enabled": False},
}


def small_config(workspace: Path, **sections: dict[str, Any]) -> Config:
    """The settings of a small night in this workspace; `sections` are laid over them key by key."""
    laid_over = {name: SETTINGS.get(name, {}) | section for name, section in sections.items()}
    return parse_config({"workspace": str(workspace), **SETTINGS, **laid_over})


def draw(workspace: Path, *, seed: int = 1) -> None:
    """Fill the landing folders of the workspace."""
    draw_tiny_shop(workspace, seed=seed, size=SIZE)


def small_night(workspace: Path, **changes: Any) -> Night:
    """Run it here."""
    return run_night(small_config(workspace), progress=Progress(Console(quiet=True)), **changes)


class Fatal(Progress):
    """Kills its own process when the n-th item of a bar is asked for."""

    def __init__(self, bar: str, number: int) -> None:
        super().__init__(Console(quiet=True))
        self._bar, self._number = bar, number

    def track(self, items: Iterable[Item], *, what: str, total: int | None = None) -> Iterator[Item]:
        """Pass items through until death."""
        for number, item in enumerate(super().track(items, what=what, total=total)):
            if what.startswith(self._bar) and number == self._number:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item


def night_apart(workspace: Path, *, bar: str = "nowhere", number: int = 0) -> int:
    """Run it in a process of one thread, killed at an item of a bar if there is such a bar; the exit code, -9 if it was."""
    code = "import sys; from tests.support.small_night import perhaps_die; perhaps_die(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(workspace), bar, str(number)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode


def perhaps_die(workspace: str, bar: str, number: str) -> None:
    """What the process does."""
    run_night(small_config(Path(workspace)), progress=Fatal(bar, int(number)))

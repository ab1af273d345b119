"""The workspace of a shop in the taste world, as a night leaves it before it trains, and a watch on what is trained there."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from pipelines.config import Config, CutsConfig
from pipelines.progress import Progress
from recsys.data.interactions import Interactions
from recsys.evaluation.config import EvaluationConfig
from tests.support.behaviour import day, interactions_of
from tests.support.tables import write_tables
from tests.support.taste_world import NUM_ITEMS, NUM_NEW, SMALL, taste_items

FULL = replace(SMALL, epochs=4, threads=1)


def nightly_log() -> Interactions:
    """Everybody likes five known items of the own kind, day by day, and on the next day one that nobody has met before."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(60):
        known = generator.permutation(np.arange(user % 2, NUM_ITEMS - NUM_NEW, 2))[:5]
        new = NUM_ITEMS - NUM_NEW + user % NUM_NEW
        rows += [(f"u{user:03d}", int(item), float(when)) for when, item in enumerate([*known, new])]
    return interactions_of([*rows, ("u000", 0, 9.0)], num_items=NUM_ITEMS)


def taste_shop(root: Path, **changes: Any) -> Config:
    """Write the tables; `changes` are those of the retriever from FULL."""
    write_tables(root, nightly_log(), taste_items())
    cuts = CutsConfig(ranker=day(2), validation=day(4), test=day(6))
    return Config(workspace=str(root), cuts=cuts, retriever=replace(FULL, **changes), evaluation=EvaluationConfig(bootstrap_resamples=200))


class Watched(Progress):
    """Notes which trainings asked for a bar; may die in an epoch of one of them."""

    def __init__(self, *, dies_in: str = "nowhere", epoch: int = 3) -> None:
        super().__init__(Console(quiet=True))
        self.trained: list[str] = []
        self.lines: list[str] = []
        self.dies_in = (dies_in, f"epoch {epoch}")

    def track(self, items: Iterable[Any], *, what: str, total: int | None = None) -> Iterator[Any]:
        """Pass items through, or die."""
        name, epoch = what.partition(", ")[0], what.rpartition(", ")[2]
        if name not in self.trained:
            self.trained.append(name)
        if (name, epoch) == self.dies_in:
            raise KeyboardInterrupt
        yield from items

    def say(self, line: str) -> None:
        """Note a line."""
        self.lines.append(line)

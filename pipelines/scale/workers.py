"""Who works beside this process, and whether they can be had; Daft and Ray are not loaded before."""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from feature_store.layout import Workspace
from pipelines.config import ConfigError

QUIET = {"DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0", "DAFT_PROGRESS_BAR": "0"}
"""Daft and Ray report home unless told not to, and the night has bars of its own. A shop's own settings win."""


class EngineError(ConfigError):
    """The engine that a section of the config names cannot be used here, or a worker of it has failed."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Whom a section of the config asks for with `engine = "daft"`.

    Raises:
        EngineError: Its settings contradict one another, or what they need is not installed.
    """

    section: str
    """Of the config, as errors name it."""
    number: int
    """At most so many."""
    ray_address: str
    """Empty: processes of this machine; `local`: a Ray of the night; `auto` or host:port: that cluster."""
    gpus_each: float = 0.0

    def __post_init__(self) -> None:
        if self.number < 1:
            raise EngineError(f"[{self.section}] workers: found {self.number}, at least 1 is needed.")
        if self.gpus_each and not self.ray_address:
            raise EngineError(
                f"[{self.section}] gpus_per_worker = {self.gpus_each} is a request to Ray, and ray_address is empty. Name a cluster, or "
                'set ray_address = "local" for the GPUs of this machine.'
            )
        for package in ("daft", "ray") if self.ray_address else ("daft",):
            if importlib.util.find_spec(package) is None:
                raise EngineError(
                    f'[{self.section}] engine = "daft" needs the package {package}, which is not installed. '
                    "Run `pip install 'vitrine[scale]'`, in a clone `make install`, or set engine = \"local\"."
                )

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


def require_workspace(workspace: Workspace) -> None:
    """What a worker asks first.

    Raises:
        EngineError: This machine does not see the workspace.
    """
    if not workspace.root.is_dir():
        raise EngineError(f"{os.uname().nodename} does not see {workspace.root}: mount the workspace under the same path on every machine")

"""Each night as one MLflow run; the only file that imports mlflow, and only when a night is tracked.

The release and the champion file are the truth and stand without a tracker. So nothing here may end a night: the first call that fails is
told once, with what to do, and the rest of the night goes untracked.
"""

import json
import logging
import math
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pipelines.config import Config
from pipelines.progress import Progress
from pipelines.releases import ReleaseShelf

if TYPE_CHECKING:
    from pipelines.nightly import Night, StageResult  # every stage comes with it

CHAMPION = "champion"
RELEASE_TAG = "vitrine.release_id"
ERROR_TAG = "vitrine.error"
PARAM_CHARACTERS = 6000
"""MLflow refuses longer values."""
TAG_CHARACTERS = 5000
BATCH_METRICS = 500
BATCH_PARAMS = 100
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""A night tells nobody about itself, and a dead server costs it seconds, not minutes. A shop's own settings win."""


class NightRun:
    """What a night tells the tracker; inert where tracking is off or has failed."""

    def __init__(self, config: Config, *, progress: Progress) -> None:
        self._config = config
        self._progress = progress
        self._client: Any = None
        self.run_id: str | None = None
        """Id of the MLflow run; None while there is none."""

    def start(self) -> None:
        """Open the run and log the config as parameters."""
        if self._config.tracking.enabled:
            self._try(self._start)

    def log_metrics(self, values: Mapping[str, Any]) -> None:
        """Log numbers, nested or not, as `outer.inner`; what is no finite number is left out."""
        self._when_tracking(lambda: self._log_metrics(values))

    def set_tag(self, name: str, value: str) -> None:
        """Mark the run with a short text."""
        self._when_tracking(lambda: self._client.set_tag(self.run_id, name, value[:TAG_CHARACTERS]))

    def log_artifact(self, file: Path, folder: str) -> None:
        """Copy a file, where it exists, into a folder of the run."""
        if file.is_file():
            self._when_tracking(lambda: self._client.log_artifact(self.run_id, str(file), folder))

    def register_release(self, folder: Path, release_id: str) -> None:
        """Make a release a version of the registered model; one that is registered already is not registered again."""
        self._when_tracking(lambda: self._register(folder, release_id))

    def mirror_champion(self, release_id: str) -> None:
        """Point the alias `champion` at a release's version; a release that was never registered removes the alias."""
        self._when_tracking(lambda: self._mirror(release_id))

    def end(self, status: str) -> None:
        """Close the run as `FINISHED`, `FAILED` or `KILLED`."""
        self._when_tracking(lambda: self._client.set_terminated(self.run_id, status))

    def connect(self) -> None:
        """Reach the tracker without opening a run, e.g. to mirror a champion that changed outside the night."""
        if self._config.tracking.enabled:
            self._try(self._connect)

    def _when_tracking(self, act: Callable[[], object]) -> None:
        if self._client is not None:
            self._try(act)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of mlflow's own code, about itself
                act()
        except Exception as error:  # whatever a tracker dies of, the night goes on
            self._client = None
            reason = str(error).strip().partition("\n")[0]
            self._progress.say(
                f"[yellow]Tracking stopped: {type(error).__name__}: {escape(reason[:300])}[/yellow]\n"
                f"  The release is not affected. Check {escape(f'[tracking] uri ({tracking_uri(self._config)})')}, "
                "or set enabled = false there; the next night tries again."
            )

    def _connect(self) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        if not self._config.tracking.uri:
            self._config.open_workspace().tracking.mkdir(parents=True, exist_ok=True)
        from mlflow import MlflowClient

        uri = tracking_uri(self._config)
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def _start(self) -> None:
        self._connect()
        client = self._client
        name = self._config.tracking.experiment
        experiment = client.get_experiment_by_name(name)
        artifacts = None if self._config.tracking.uri else (self._config.open_workspace().tracking / "artifacts").as_uri()
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(name, artifact_location=artifacts)
        self.run_id = client.create_run(experiment_id).info.run_id
        from mlflow.entities import Param

        params = [Param(key, str(value)[:PARAM_CHARACTERS]) for key, value in flatten(asdict(self._config)).items()]
        for first in range(0, len(params), BATCH_PARAMS):
            client.log_batch(self.run_id, params=params[first : first + BATCH_PARAMS])

    def _log_metrics(self, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {key: float(value) for key, value in flatten(values).items() if isinstance(value, int | float)}
        metrics = [Metric(key, value, now, 0) for key, value in numbers.items() if math.isfinite(value)]
        for first in range(0, len(metrics), BATCH_METRICS):
            self._client.log_batch(self.run_id, metrics=metrics[first : first + BATCH_METRICS])

    def _register(self, folder: Path, release_id: str) -> None:
        self._client.set_tag(self.run_id, RELEASE_TAG, release_id)
        if self._version_of(release_id) is not None:
            return
        name = self._config.tracking.experiment
        self._client.log_artifacts(self.run_id, str(folder), "release")
        if not self._client.search_registered_models(f"name = '{name}'"):
            self._client.create_registered_model(name)
        source = f"runs:/{self.run_id}/release"
        self._client.create_model_version(name, source=source, run_id=self.run_id, tags={RELEASE_TAG: release_id})

    def _mirror(self, release_id: str) -> None:
        name = self._config.tracking.experiment
        version = self._version_of(release_id)
        if version is not None:
            self._client.set_registered_model_alias(name, CHAMPION, version)
        elif self._client.search_registered_models(f"name = '{name}'"):
            self._client.delete_registered_model_alias(name, CHAMPION)

    def _version_of(self, release_id: str) -> str | None:
        versions = self._client.search_model_versions(f"name = '{self._config.tracking.experiment}'")
        found = [version.version for version in versions if version.tags.get(RELEASE_TAG) == release_id]
        return str(found[0]) if found else None


def tracked_night(config: Config, run_night: Callable[[], "Night"], *, progress: Progress) -> "Night":
    """Run a night, then tell the tracker how it ended; one that fails is a failed run with its error, which passes through.

    The tracker is reached after the night's work, so it takes none of its memory and cannot keep it from starting.
    """
    try:
        night = run_night()
    except BaseException as error:
        with tracked(config, progress=progress) as run:
            run.set_tag(ERROR_TAG, f"{type(error).__name__}: {error}")
            raise
    _track(config, night, progress=progress)
    return night


def _track(config: Config, night: "Night", *, progress: Progress) -> None:
    with tracked(config, progress=progress) as run:
        run.log_metrics({"stages": {result.name: _cost(result) for result in night.results}, "promoted": int(night.promoted)})
        run.log_metrics({"measured": {result.name: result.facts["measured"] for result in night.results if result.facts.get("measured")}})
        release = config.open_workspace().releases / night.release_id
        if (release / "evaluation.json").is_file():
            run.log_metrics(_judged(json.loads((release / "evaluation.json").read_text(encoding="utf-8"))))
        for name in ("evaluation.json", "report.html"):
            run.log_artifact(release / name, "report")
        run.register_release(release, night.release_id)
        champion = ReleaseShelf(config.open_workspace().releases).champion()
        if champion is not None:
            run.mirror_champion(champion.release_id)


@contextmanager
def tracked(config: Config, *, progress: Progress) -> Iterator[NightRun]:
    """One piece of work as one run, closed as failed or killed where the work ends so; its own error passes through."""
    run = NightRun(config, progress=progress)
    run.start()
    try:
        yield run
    except Exception:
        run.end("FAILED")
        raise
    except BaseException:  # Ctrl-C
        run.end("KILLED")
        raise
    run.end("FINISHED")


def mirror_champion(config: Config, release_id: str, *, progress: Progress) -> None:
    """Tell the tracker of a champion that was chosen outside a night: a promotion or rollback by hand."""
    run = NightRun(config, progress=progress)
    run.connect()
    run.mirror_champion(release_id)


def _cost(result: "StageResult") -> dict[str, float]:
    return {"seconds": result.seconds, "peak_memory_bytes": result.peak_memory_bytes, "skipped": float(result.skipped)}


def _judged(report: Mapping[str, Any]) -> dict[str, Any]:
    """Model -> metric -> mean over users, of items new to the user."""
    return {name: {metric: mean for metric, (mean, _, _) in model["new"].items()} for name, model in report["models"].items()}


def tracking_uri(config: Config) -> str:
    """The configured address, or the sqlite database of the workspace."""
    return config.tracking.uri or f"sqlite:///{config.open_workspace().tracking / 'mlflow.sqlite'}"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names joined by dots, in characters MLflow allows: `recall@100` becomes `recall_at_100`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + re.sub(r"[^\w\-./: ]", "_", str(key).replace("@", "_at_"))
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat

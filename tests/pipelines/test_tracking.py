"""A night is one run; a tracker that fails costs no night."""

import io
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import mlflow
import pytest
from rich.console import Console

from pipelines.config import Config, TrackingConfig
from pipelines.nightly import Night, StageResult
from pipelines.progress import Progress
from pipelines.tracking import ERROR_TAG, RELEASE_TAG, NightRun, flatten, mirror_champion, tracked, tracked_night, tracking_uri


@pytest.fixture
def said() -> Progress:
    return Progress(Console(record=True, width=400, file=io.StringIO()))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "20260101-aaaa"
    folder.mkdir()
    (folder / "release.json").write_text("{}")
    return folder


def client_of(config: Config) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=tracking_uri(config), registry_uri=tracking_uri(config))


def test_a_night_is_one_run_with_config_metrics_release_and_champion(tmp_path: Path, release: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"))
    with tracked(config, progress=said) as run:
        run.log_metrics({"two_tower": {"recall@100": 0.25, "ndcg@10": float("nan"), "note": "text"}})
        run.register_release(release, release.name)
        run.mirror_champion(release.name)
    assert run.run_id is not None
    stored = client_of(config).get_run(run.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.params["retriever.embedding_dim"] == str(config.retriever.embedding_dim)
    assert stored.data.metrics == {"two_tower.recall_at_100": 0.25}  # neither the missing number nor the text
    champion = client_of(config).get_model_version_by_alias("vitrine", "champion")
    assert champion.tags[RELEASE_TAG] == release.name
    assert champion.source == f"runs:/{run.run_id}/release"
    assert (config.open_workspace().tracking / "artifacts" / run.run_id / "artifacts" / "release" / "release.json").is_file()


def test_what_stages_have_measured_is_logged_by_stage(tmp_path: Path, release: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"))
    shutil.copytree(release, config.open_workspace().releases / release.name)
    facts = {"rows": 3, "measured": {"colour": {"accuracy": 0.9, "precision": None}}}
    result = StageResult(name="label_attributes", skipped=False, seconds=1.0, peak_memory_bytes=1, facts=facts)
    night = Night(date=datetime(2026, 1, 1, tzinfo=UTC), results=[result], release_id=release.name, promoted=True)
    tracked_night(config, lambda: night, progress=said)
    client = client_of(config)
    (run,) = client.search_runs([client.get_experiment_by_name("vitrine").experiment_id])
    measured = {name: value for name, value in run.data.metrics.items() if name.startswith("measured.")}
    assert measured == {"measured.label_attributes.colour.accuracy": 0.9}


def test_an_unchanged_release_is_registered_once_and_the_alias_follows_a_rollback(tmp_path: Path, release: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"))
    for release_id in ("first", "second", "second"):
        with tracked(config, progress=said) as run:
            run.register_release(release, release_id)
            run.mirror_champion(release_id)
    client = client_of(config)
    assert len(client.search_model_versions("name = 'vitrine'")) == 2
    mirror_champion(config, "first", progress=said)
    assert client.get_model_version_by_alias("vitrine", "champion").tags[RELEASE_TAG] == "first"


def test_a_night_that_fails_is_a_failed_run_and_its_error_passes_through(tmp_path: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"))
    for error, status in ((RuntimeError("no photos"), "FAILED"), (KeyboardInterrupt("no patience"), "KILLED")):

        def night(error: BaseException = error) -> NoReturn:
            raise error

        with pytest.raises(type(error), match="no p"):
            tracked_night(config, night, progress=said)
        client = client_of(config)
        newest = client.search_runs([client.get_experiment_by_name("vitrine").experiment_id], max_results=1)[0]
        assert newest.info.status == status
        assert newest.data.tags[ERROR_TAG] == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("uri", ["sqlite:////proc/no/such/place.sqlite", "nonsense://nowhere"])
def test_an_address_that_cannot_be_used_is_told_once_and_loses_no_night(tmp_path: Path, said: Progress, release: Path, uri: str) -> None:
    config = Config(workspace=str(tmp_path / "shop"), tracking=TrackingConfig(uri=uri))
    with tracked(config, progress=said) as run:
        run.log_metrics({"recall": 0.5})
        run.register_release(release, release.name)
    told = said.console.export_text()
    assert told.count("Tracking stopped") == 1
    assert "enabled = false" in told
    assert f"Check [tracking] uri ({uri})" in told


def test_a_database_that_breaks_during_the_night_loses_no_night(tmp_path: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"))
    with tracked(config, progress=said) as run:
        with sqlite3.connect(config.open_workspace().tracking / "mlflow.sqlite") as database:
            database.execute("drop table metrics")
        database.close()
        run.log_metrics({"recall": 0.5})
        run.log_metrics({"recall": 0.6})
    assert said.console.export_text().count("Tracking stopped") == 1


def test_a_night_that_is_not_tracked_writes_nothing(tmp_path: Path, said: Progress) -> None:
    config = Config(workspace=str(tmp_path / "shop"), tracking=TrackingConfig(enabled=False))
    with tracked(config, progress=said) as run:
        run.log_metrics({"recall": 0.5})
    assert run.run_id is None
    assert not config.open_workspace().tracking.exists()


def test_nested_names_are_joined_by_dots() -> None:
    assert flatten({"a": {"b@10": 1, "c": {"d": 2}}, "e": 3}) == {"a.b_at_10": 1, "a.c.d": 2, "e": 3}


def test_a_run_that_was_never_started_is_silent(tmp_path: Path, said: Progress) -> None:
    run = NightRun(Config(workspace=str(tmp_path)), progress=said)
    run.log_metrics({"recall": 0.5})
    assert said.console.export_text() == ""

"""The doctor names what is wrong and how to mend it."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.config import Config, GivenModality, OnlineStoreConfig, SourcesConfig
from pipelines.doctor import Finding, config_finding, diagnose, lock_file, print_findings, read_lock
from recsys.encoders.config import EmbedConfig


def look(config: Config) -> dict[str, Finding]:
    return {finding.name: finding for finding in diagnose(config)}


def test_a_sound_installation_and_an_empty_workspace_have_no_error(tmp_path: Path) -> None:
    found = look(Config(workspace=str(tmp_path / "shop")))
    assert [finding.name for finding in found.values() if finding.state == "error"] == []
    assert found["tables"].state == "warning"
    assert "vitrine nightly" in found["champion"].mend
    assert not (tmp_path / "shop").exists()  # looking changes nothing


def test_the_lock_agrees_with_what_is_installed() -> None:
    assert read_lock(lock_file())["torch"] == "2.13.0"


def test_without_a_lock_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "lock.txt") == {}


def test_an_own_modality_without_a_file_is_an_error_that_says_which(tmp_path: Path) -> None:
    (tmp_path / "here.parquet").touch()
    modalities = {"audio": GivenModality(file="gone.parquet"), "video": GivenModality(file="here.parquet")}
    found = look(Config(workspace=str(tmp_path), sources=SourcesConfig(modalities=modalities)))
    assert found["modality audio"].state == "error"
    assert "gone.parquet" in found["modality audio"].found
    assert found["modality video"].state == "ok"


def test_a_redis_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path) -> None:
    found = look(Config(workspace=str(tmp_path), online_store=OnlineStoreConfig(place="redis://127.0.0.1:1/0")))["online store"]
    assert found.state == "error"
    assert "redis://127.0.0.1:1/0" in found.found


def test_an_engine_that_is_not_installed_is_an_error_that_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(workspace=str(tmp_path), embed=EmbedConfig(engine="daft"))
    assert look(config)["workers"].state == "ok"
    monkeypatch.setitem(sys.modules, "daft", None)
    found = look(config)["workers"]
    assert found.state == "error"
    assert "needs the package daft, which is not installed. Run `pip install 'vitrine[scale]'`" in found.found


def test_missing_weights_are_an_error_that_says_which_file(tmp_path: Path) -> None:
    found = look(Config(workspace=str(tmp_path), embed=EmbedConfig(image_weights="gone.safetensors")))["image weights"]
    assert (found.state, found.found) == ("error", "no file gone.safetensors")


def test_a_text_model_that_must_be_fetched_is_a_warning(tmp_path: Path) -> None:
    found = look(Config(workspace=str(tmp_path), embed=EmbedConfig(text_model="someone/some-model")))["text model"]
    assert found.state == "warning"


def test_a_joint_model_is_looked_for_in_the_place_of_both(tmp_path: Path) -> None:
    found = look(Config(workspace=str(tmp_path), embed=EmbedConfig(joint_model=str(tmp_path))))
    assert found["joint model"].state == "ok"
    assert found["image weights"].found == "in the joint model"


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "tables" / "events").mkdir(parents=True)
    (tmp_path / "tables" / "events" / "manifest.json").write_text("{")
    found = look(Config(workspace=str(tmp_path)))["tables"]
    assert (found.state, found.found) == ("error", "events is damaged")


def test_a_champion_whose_release_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "champion.json").write_text('{"release_id": "20260101-aaaa", "previous": null}')
    assert look(Config(workspace=str(tmp_path)))["champion"].state == "error"


def test_more_threads_than_cores_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    assert look(Config(workspace=str(tmp_path)))["cores"].state == "warning"


@pytest.mark.parametrize(("problem", "code"), [(None, 0), ("unknown key 'embd'; did you mean embed?", 1)])
def test_the_exit_code_is_one_where_anything_is_an_error(problem: str | None, code: int) -> None:
    console = Console(file=io.StringIO(), record=True, width=200)
    assert print_findings([config_finding(Path("shop.toml"), problem)], console) == code
    assert (problem or "shop.toml") in console.export_text()

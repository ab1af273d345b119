"""The command line teaches, and what is wrong is one clear line with an exit code of its own."""

import json
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.commands.terminal import REFUSED_BY_GATE
from pipelines.config import load_config
from pipelines.releases import ReleaseShelf
from pipelines.tuning.tuned import Tuned, write_tuned
from recsys.training.config import RetrieverConfig
from tests.support.small_night import SETTINGS, draw
from tests.support.tiny_release import build_release

COMMANDS = (
    "import",
    "nightly",
    "evaluate",
    "ablate",
    "audit",
    "tune",
    "recommend",
    "explain",
    "user",
    "add-items",
    "serve",
    "releases",
    "doctor",
    "demo",
)


def _vitrine(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"})


def _write_config(root: Path, sections: dict[str, dict[str, Any]] | None = None) -> Path:
    """A config whose workspace is `root`; JSON scalars are TOML scalars."""
    lines = [f"workspace = {json.dumps(str(root))}"]
    for section, values in (sections or {"tracking": {"enabled": False}}).items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    path = root / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["workspace"] == str(root)
    return path


def _one_line(result: Result) -> str:
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.output
    return lines[0]


def test_help_names_every_command() -> None:
    result = _vitrine("--help")
    assert result.exit_code == 0
    assert [command for command in COMMANDS if f" {command} " not in result.output] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = _vitrine(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_an_option_that_does_not_exist_is_a_matter_of_usage() -> None:
    result = _vitrine("nightly", "--dat", "2026-01-01")
    assert result.exit_code == 2
    assert "No such option: --dat" in result.stderr


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = _vitrine("nightly", "--config", tmp_path / "nowhere.toml")
    assert result.exit_code == 1
    assert "cannot read the config" in _one_line(result)


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    result = _vitrine("nightly", "--config", _write_config(tmp_path, {"retriever": {"epoch": 3}}))
    assert result.exit_code == 1
    assert "[retriever]: unknown key 'epoch'; did you mean epochs?" in _one_line(result)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("retriever.epochs", "has no value; write section.key=value"),
        ("retriever.epochs=many", "retriever.epochs: Input should be a valid integer"),
        ("retrieval.epochs=3", "unknown key 'retrieval'; did you mean retriever?"),
        ("workspace.name=3", "cannot set workspace.name: workspace is a value, not a section"),
    ],
)
def test_an_override_that_cannot_be_used_is_one_line(tmp_path: Path, override: str, message: str) -> None:
    result = _vitrine("nightly", "--config", _write_config(tmp_path), "--set", override)
    assert result.exit_code == 1
    assert message in _one_line(result)


def test_a_night_from_an_unknown_stage_names_the_stages(tmp_path: Path) -> None:
    result = _vitrine("nightly", "--config", _write_config(tmp_path), "--from", "embed")
    assert result.exit_code == 1
    assert "no stage 'embed'; the stages are check_parity, ingest_catalogue" in _one_line(result)


def test_a_file_of_users_without_a_user_id_column_says_what_it_has(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user\nu1\n", encoding="utf-8")
    result = _vitrine("recommend", "--config", _write_config(tmp_path), "--users", users, "--out", tmp_path / "out.parquet")
    assert result.exit_code == 1
    assert "users.csv has no column user_id; it has ['user']" in _one_line(result)


@pytest.mark.parametrize(("name", "content"), [("users.parquet", "user_id\nu1\n"), ("users.csv", "")], ids=["not Parquet", "empty"])
def test_a_file_of_users_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    result = _vitrine("recommend", "--config", _write_config(tmp_path), "--users", tmp_path / name, "--out", tmp_path / "out.parquet")
    assert result.exit_code == 1
    assert f"cannot read {tmp_path / name}" in _one_line(result)


@pytest.mark.parametrize("asked", [(), ("--user", "u1", "--users", "USERS")], ids=["nobody", "both"])
def test_recommend_wants_one_user_or_a_file_of_users(tmp_path: Path, asked: tuple[str, ...]) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user_id\nu1\n", encoding="utf-8")
    named = [str(users) if part == "USERS" else part for part in asked]
    result = _vitrine("recommend", "--config", _write_config(tmp_path), *named)
    assert result.exit_code == 1
    assert "name one user with --user, or a file of users" in _one_line(result)


def test_an_unknown_phase_is_refused_with_those_there_are(tmp_path: Path) -> None:
    result = _vitrine("evaluate", "--config", _write_config(tmp_path), "--phase", "training")
    assert result.exit_code == 1
    assert "no phase 'training'; it is validation or test" in _one_line(result)


def test_evaluating_before_the_first_night_says_so(tmp_path: Path) -> None:
    result = _vitrine("evaluate", "--config", _write_config(tmp_path))
    assert result.exit_code == 1
    assert "evaluation" in _one_line(result)


def test_an_ablation_before_the_first_night_says_what_to_run(tmp_path: Path) -> None:
    result = _vitrine("ablate", "--config", _write_config(tmp_path))
    assert result.exit_code == 1
    assert "Run `vitrine nightly` first" in _one_line(result)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((), "Run `vitrine nightly` first"),
        (("--only", "epochs"), "no search for 'epochs'; what can be searched is order"),
        (("--show",), "there was no search in"),
    ],
    ids=str,
)
def test_a_search_that_cannot_start_says_why(tmp_path: Path, asked: tuple[str, ...], message: str) -> None:
    result = _vitrine("tune", "--config", _write_config(tmp_path), *asked)
    assert result.exit_code == 1
    assert message in _one_line(result)


@pytest.mark.parametrize("command", ["nightly", "evaluate", "ablate"])
def test_what_works_on_the_nights_retriever_says_what_it_takes_from_a_search(tmp_path: Path, command: str) -> None:
    path = _write_config(tmp_path)
    write_tuned(tmp_path / "tuned.toml", Tuned(own=load_config(path).retriever, changes={"dropout": 0.1}), [])
    assert "retriever settings from tuned.toml: dropout 0.1\n" in _vitrine(command, "--config", path).stderr


def test_what_no_longer_fits_the_config_is_named_and_left_aside(tmp_path: Path) -> None:
    path = _write_config(tmp_path, {"retriever": {"blocks": 3}})
    write_tuned(tmp_path / "tuned.toml", Tuned(own=RetrieverConfig(), changes={"dropout": 0.1}), [])
    told = "tuned.toml is not used: [retriever] has changed since the search: blocks is 3, was 2."
    assert told in _vitrine("nightly", "--config", path).stderr


def test_what_a_search_found_is_forgotten_on_demand(tmp_path: Path) -> None:
    tuned = tmp_path / "tuned.toml"
    tuned.write_text("[retriever]\n", encoding="utf-8")
    told = [_vitrine("tune", "--forget", "--config", _write_config(tmp_path)).stdout for _ in range(2)]
    assert told == [f"removed {tuned}\n", f"there is no {tuned}\n"]
    assert not tuned.exists()


def test_serving_before_the_first_night_says_what_to_run(tmp_path: Path) -> None:
    result = _vitrine("serve", "--config", _write_config(tmp_path))
    assert result.exit_code == 1
    assert "run `vitrine nightly`" in _one_line(result)


@pytest.fixture
def shelf(tmp_path: Path) -> ReleaseShelf:
    for seed in range(2):
        build_release(tmp_path / "releases", seed=seed, champion=False)
    for described in (tmp_path / "releases").glob("*/release.json"):
        described.write_text(json.dumps(json.loads(described.read_text()) | {"passed": True}))
    return ReleaseShelf(tmp_path / "releases")


def test_releases_are_promoted_rolled_back_and_listed_with_their_roles(tmp_path: Path, shelf: ReleaseShelf) -> None:
    config, (first, second) = _write_config(tmp_path), shelf.ids()
    for release_id in (first, second):
        promoted = _vitrine("releases", "promote", release_id, "--config", config)
        assert (promoted.exit_code, promoted.stdout) == (0, f"served from now on: {release_id}\n")
    rolled_back = _vitrine("releases", "rollback", "--config", config)
    assert (rolled_back.exit_code, rolled_back.stdout) == (0, f"served from now on: {first}\n")
    lines = _vitrine("releases", "--config", config).stdout.splitlines()
    assert [role for line in lines for role in ("champion", "previous") if role in line] == ["champion", "previous"]
    assert first in next(line for line in lines if "champion" in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("promote", "gone"), "there is no release 'gone'; known are 2026"),
        (("promote",), "there is no release ''"),
        (("rollback",), "there is no previous champion to go back to"),
        (("demote",), "no action 'demote'; it is list, promote or rollback"),
    ],
    ids=str,
)
def test_a_release_that_cannot_be_served_changes_nothing(
    tmp_path: Path, shelf: ReleaseShelf, arguments: tuple[str, ...], message: str
) -> None:
    result = _vitrine("releases", *arguments, "--config", _write_config(tmp_path))
    assert result.exit_code == 1
    assert message in _one_line(result)
    assert shelf.champion() is None


@pytest.mark.slow
def test_a_refused_night_ends_with_a_code_of_its_own_and_its_release_is_read_by_name(tmp_path: Path) -> None:
    draw(tmp_path)
    config = _write_config(tmp_path, SETTINGS)
    beyond_reach = ("--set", "gates.beats_item_knn=true", "--set", "gates.significance=1e-9")
    refused = _vitrine("nightly", "--config", config, *beyond_reach)
    assert refused.exit_code == REFUSED_BY_GATE, refused.output
    shelf = ReleaseShelf(tmp_path / "releases")
    assert shelf.champion() is None
    (challenger,) = shelf.ids()
    assert challenger in refused.stdout
    assert f"nothing is served yet; `vitrine releases promote {challenger}` would" in refused.stderr

    users, out = tmp_path / "users.csv", tmp_path / "out.parquet"
    users.write_text("user_id\nnobody\n", encoding="utf-8")
    asked = ("--config", config, "--users", users, "--k", "5", "--out", out)
    assert _vitrine("recommend", *asked).exit_code == 1  # there is no champion to ask
    assert _vitrine("recommend", *asked, "--release", challenger).exit_code == 0
    assert pl.read_parquet(out)["rank"].to_list() == [1, 2, 3, 4, 5]
    stranger = _vitrine("recommend", "--config", config, "--user", "no[bold]body", "--release", challenger)
    assert "no[bold]body is unknown: these are for a stranger. The log knows U0" in stranger.stdout

    shelf.promote(challenger, why="test")
    again = _vitrine("nightly", "--config", config, *beyond_reach, "--set", "retriever.seed=7")
    assert again.exit_code == REFUSED_BY_GATE, again.output
    champion = shelf.champion()
    assert champion is not None
    assert champion.release_id == challenger
    assert len(shelf.ids()) == 2

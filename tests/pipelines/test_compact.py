import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_store.layout import TableReader, Workspace
from feature_store.schema import EVENTS
from pipelines.cli import app
from pipelines.compact import compact_log
from pipelines.config import Config, parse_config
from pipelines.lock import BusyError, alone
from pipelines.stage import is_current
from pipelines.stages.compute_user_features import STAGE as READS_EVENTS
from pipelines.stages.ingest_catalogue import STAGE as CATALOGUE
from pipelines.stages.ingest_events import STAGE
from tests.support.stages import NIGHT, context_of, run_stage

HEADER = "user_id,item_id,event_type,event_time\n"


def grown(root: Path) -> TableReader:
    """A log of one month that has come in three nights."""
    folder = root / "landing" / "events"
    folder.mkdir(parents=True)
    for day in (1, 2, 3):
        (folder / f"{day}.csv").write_text(HEADER + f"u{day},i,click,2024-01-0{day}T10:00:00Z\n")
        reader = run_stage(STAGE, root)
    return reader


def config_of(root: Path) -> Config:
    return parse_config({"workspace": str(root)})


def test_files_and_bytes_are_told_before_and_after(tmp_path: Path) -> None:
    before = grown(tmp_path)
    done = compact_log(config_of(tmp_path))
    assert (done.before.files, done.after.files) == (3, 1)
    assert done.before.bytes == sum(entry["bytes"] for entry in before.manifest.files.values()) > done.after.bytes > 0


def test_a_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    grown(tmp_path)
    compact_log(config_of(tmp_path))
    manifest = Workspace(tmp_path).read("events").manifest
    done = compact_log(config_of(tmp_path))
    assert done.before == done.after
    assert Workspace(tmp_path).read("events").manifest == manifest


def test_no_stage_has_to_run_again_for_it(tmp_path: Path) -> None:
    grown(tmp_path)
    (tmp_path / "landing" / "catalogue").mkdir()
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id\ni\n")
    for stage in (CATALOGUE, READS_EVENTS):
        run_stage(stage, tmp_path)
    compact_log(config_of(tmp_path))
    context = context_of(STAGE, tmp_path)
    assert all(is_current(stage, context.workspace, context.config, NIGHT) for stage in (STAGE, READS_EVENTS))


def test_while_a_night_is_at_work_it_is_refused_and_names_it(tmp_path: Path) -> None:
    grown(tmp_path)
    with alone(tmp_path / "night.lock", work="night"), pytest.raises(BusyError, match=r'another night works in .*{"pid": \d+'):
        compact_log(config_of(tmp_path))


KILLED = """
import os, signal, sys
from feature_store import layout, manifest
from pipelines.compact import compact_log
from pipelines.config import parse_config
where = {"files": (layout.TableWriter, "write"), "manifest": (manifest.Manifest, "write")}[sys.argv[2]]
setattr(*where, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
compact_log(parse_config({"workspace": sys.argv[1]}))
"""


@pytest.mark.parametrize("before", ["files", "manifest"])
def test_killed_it_leaves_every_row_once_and_the_next_goes_through(tmp_path: Path, before: str) -> None:
    rows = grown(tmp_path).scan(EVENTS).collect()
    command = [sys.executable, "-c", KILLED, str(tmp_path), before]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == -9
    assert Workspace(tmp_path).read("events").scan(EVENTS).collect().equals(rows)
    assert compact_log(config_of(tmp_path)).after.files == 1
    assert Workspace(tmp_path).read("events").scan(EVENTS).collect().equals(rows)


def test_the_command_prints_both_sizes(tmp_path: Path) -> None:
    grown(tmp_path)
    (tmp_path / "shop.toml").write_text(f'workspace = "{tmp_path}"\n')
    done = CliRunner().invoke(app, ["compact", "--config", str(tmp_path / "shop.toml")])
    assert done.exit_code == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [["before", "3", "files"], ["after", "1", "files"]]


def test_where_there_is_no_log_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(f'workspace = "{tmp_path}"\n')
    done = CliRunner().invoke(app, ["compact", "--config", str(tmp_path / "shop.toml")])
    assert done.exit_code == 1
    assert "There is no table events" in done.stderr

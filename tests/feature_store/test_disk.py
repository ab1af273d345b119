import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_store.disk import writing_to
from feature_store.errors import FullDiskError, OnlineStoreError
from feature_store.layout import Workspace
from tests.support.event_logs import add, events, users

ROOT = Path(__file__).parents[2]
WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from feature_store.errors import FullDiskError
from feature_store.event_append import append
from feature_store.layout import Workspace
from tests.support.event_logs import events, runs_of
root, before = Path(sys.argv[1]), sys.argv[2]
new = events(*((f"user {n}", f"2024-02-01T00:{n % 60:02d}:00Z") for n in range(500)))
def fill(): resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    if before == "runs": fill()
    runs, log = runs_of(root / "runs" / "new", new), Workspace(root).read("events")
    if before == "log": fill()
    with Workspace(root).write("events") as writer:
        append(writer, log, runs, partition="month")
        if before == "manifest": fill()
        writer.commit(facts={"long": "x" * 4000})
except FullDiskError as error:
    print(error)
"""


@pytest.mark.parametrize("before", ["runs", "log", "manifest"])
def test_where_there_is_no_room_it_is_told_and_the_old_log_stands_and_takes_all_in_later(tmp_path: Path, before: str) -> None:
    add(tmp_path, events(("old", "2024-01-01T00:00:00Z")))
    command = [sys.executable, "-c", WITHOUT_ROOM, str(tmp_path), before]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "What stood before still stands: make room and run the same command again." in done.stdout
    assert users(Workspace(tmp_path).read("events")) == ["old"]
    assert add(tmp_path, events(("new", "2024-02-01T00:00:00Z"))).rows == 2


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder with room for 64 KiB."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    told = r"no room to write in .*disk.* \(.*No space left on device.*\); 0 MiB are free there"
    with small_disk(tmp_path / "disk") as disk, pytest.raises(FullDiskError, match=told):
        add(disk, events(*((f"user {number}", "2024-01-01T00:00:00Z") for number in range(3000))))


@pytest.mark.parametrize(
    "error", [RuntimeError("write error: No space left on device"), sqlite3.OperationalError("database or disk is full")]
)
def test_a_library_that_tells_it_in_words_alone_is_understood(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(FullDiskError, match="no room to write in"), writing_to(tmp_path):
        raise error


def test_a_library_that_does_not_tell_is_understood_by_what_is_left(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        pytest.raises(FullDiskError, match=r"\(unexpected pos 4 vs 3\); 0 MiB are free"),
        writing_to(disk),
    ):
        raise RuntimeError("unexpected pos 4 vs 3")


def test_what_another_store_says_of_its_own_disk_passes(tmp_path: Path) -> None:
    with pytest.raises(OnlineStoreError, match="Redis"), writing_to(tmp_path):
        raise OnlineStoreError("Redis: No space left on device")


def test_where_the_folder_itself_has_gone_the_error_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="torn down"), writing_to(tmp_path / "gone"):
        raise RuntimeError("torn down")


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing_to(tmp_path):
        (tmp_path / "missing").read_bytes()

import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from feature_store.landing import list_landing, read_landing
from pipelines.privacy.erase_landing import LandingTrace, trace_in
from pipelines.privacy.sought import Sought

ROWS = pl.DataFrame({"user_id": ["alice", "bob", "alice", None], "text": ["a", 'über, "x"', None, "d"], "value": [1.5, None, 2.0, 3.0]})
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


def traced(path: Path, *, rewrite: bool = True, user: str = "alice") -> LandingTrace | None:
    if not path.is_symlink():
        os.utime(path, (WHEN.timestamp(),) * 2)
    (file,) = [file for file in list_landing([path.parent], root=path.parent) if file.path == path]
    return trace_in(file, Sought((user,)), rewrite=rewrite)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_the_rows_of_others_stay_as_they_are(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"events.{ending}"
    {"parquet": ROWS.write_parquet, "csv": ROWS.write_csv, "jsonl": ROWS.write_ndjson}[ending](path)
    path.chmod(0o640)
    before = read_landing(path)
    assert traced(path) == LandingTrace("events." + ending, 2, traced_digest(before, path, ending), "")
    assert read_landing(path).equals(before.filter((before["user_id"] != "alice").fill_null(True)))
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def traced_digest(before: pl.DataFrame, path: Path, ending: str) -> str:
    """Digest of the file as it was."""
    again = path.with_name(f"again.{ending}")
    {"parquet": ROWS.write_parquet, "csv": ROWS.write_csv, "jsonl": ROWS.write_ndjson}[ending](again)
    (digest,) = [file.digest for file in list_landing([again.parent], root=again.parent) if file.path == again]
    again.unlink()
    return digest


def test_only_told_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    ROWS.write_csv(path)
    before = path.read_bytes()
    found = traced(path, rewrite=False)
    assert found is not None
    assert (found.rows, found.left) == (2, "it is yours; --landing rewrites it")
    assert path.read_bytes() == before


def test_a_csv_file_whose_rows_are_not_its_lines_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text('user_id,text\nalice,"two\nlines"\nbob,x\n', encoding="utf-8")
    before = path.read_bytes()
    found = traced(path)
    assert found is not None
    assert found.left
    assert path.read_bytes() == before


def test_a_link_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "landing").mkdir()
    ROWS.write_csv(tmp_path / "real" / "events.csv")
    path = tmp_path / "landing" / "events.csv"
    path.symlink_to(tmp_path / "real" / "events.csv")
    found = traced(path)
    assert found is not None
    assert found.left == "it has another name elsewhere: rewrite that"


def test_a_file_without_the_user_is_not_named(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    ROWS.write_csv(path)
    assert traced(path, user="carol") is None


def test_a_damaged_file_is_searched_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    path.write_bytes(b"PAR1 shopper-4711 and no end")
    found = traced(path, user="shopper-4711")
    assert found is not None
    assert found.left.startswith("it cannot be read")

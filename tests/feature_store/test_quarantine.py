import json
from pathlib import Path

import polars as pl

from feature_store.layout import Workspace
from feature_store.quarantine import REFUSED_ROWS, Refusal, read_refused, write_refused
from feature_store.schema import UTC_TIME

REFUSAL = Refusal(pl.DataFrame({"row": [2, 0], "reason": ["late", "early"]}))


def test_refused_rows_carry_what_stood_in_the_file_at_their_place() -> None:
    raw = pl.DataFrame({"name": ["a", "b", "é"], "tags": [["x"], [], None]})
    rows = REFUSAL.describe(raw, source="feed.csv", digest="d")
    assert rows.schema == REFUSED_ROWS.schema
    assert rows["reason"].to_list() == ["late", "early"]
    assert [json.loads(content) for content in rows["content"]] == [{"name": "é", "tags": None}, {"name": "a", "tags": ["x"]}]


def test_numbers_that_json_has_no_sign_for_become_null_so_the_row_can_be_asked_for_its_user() -> None:
    raw = pl.DataFrame({"user_id": ["a", "b", "c"], "value": [float("nan"), 1.0, float("-inf")], "more": [[float("inf"), 2.0]] * 3})
    content = REFUSAL.describe(raw, source="feed.parquet", digest="d")["content"]
    assert content.str.json_path_match("$.user_id").to_list() == ["c", "a"]
    assert [json.loads(row) for row in content] == [{"user_id": name, "value": None, "more": [None, 2.0]} for name in ("c", "a")]


def test_what_is_written_beside_a_table_is_read_again(tmp_path: Path) -> None:
    rows = REFUSAL.describe(pl.DataFrame({"name": ["a", "b", "c"]}), source="feed.csv", digest="d")
    with Workspace(tmp_path).write("t") as writer:
        write_refused(writer, rows)
        writer.commit()
    assert read_refused(Workspace(tmp_path).read("t")).equals(rows)


def test_where_nothing_was_refused_there_is_no_file(tmp_path: Path) -> None:
    with Workspace(tmp_path).write("t") as writer:
        write_refused(writer, REFUSED_ROWS.empty())
        manifest = writer.commit()
    assert manifest.files == {}
    assert read_refused(None).is_empty()


def test_times_that_python_does_not_know_and_bytes_are_told_too() -> None:
    moments = pl.Series([-70_000_000_000_000_000, 0], dtype=pl.Int64).cast(UTC_TIME)
    raw = pl.DataFrame({"at": moments, "user_id": [b"zo\xc3\xab", b"\xff"]})
    content = Refusal(pl.DataFrame({"row": [0, 1], "reason": ["a", "b"]})).describe(raw, source="x", digest="d")["content"]
    assert [json.loads(row)["user_id"] for row in content] == ["zoë", "\\xff"]
    assert [json.loads(row)["at"][:5] for row in content] == ["-0249", "1970-"]

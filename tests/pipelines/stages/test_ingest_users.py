from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.layout import TableReader, Workspace
from feature_store.quarantine import read_refused
from feature_store.schema import USERS
from feature_store.tombstones import Tombstones
from feature_store.user_names import KEY_VARIABLE, UserNames
from pipelines.privacy.erase_tables import erase_from_table
from pipelines.privacy.sought import Sought
from pipelines.stage import is_current
from pipelines.stages.ingest_users import STAGE
from tests.support.stages import NIGHT, context_of, run_stage

KEY = "k" * 32


def drop(root: Path, name: str, *lines: str) -> None:
    path = root / "landing" / "users" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ingest(root: Path, *attributes: str, **sections: Any) -> TableReader:
    return run_stage(STAGE, root, users={"attributes": attributes}, **sections)


def rows_of(reader: TableReader) -> list[tuple[str, str, str]]:
    return reader.scan(USERS).select("user_id", "attribute", "value").collect().rows()


def test_nothing_is_taken_in_unless_it_is_named(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", "user_id,attribute.age,attribute.town", "ann,30-39,Ulm")
    assert rows_of(ingest(tmp_path)) == []
    assert rows_of(ingest(tmp_path, "age")) == [("ann", "age", "30-39")]
    assert rows_of(ingest(tmp_path)) == []  # what is not named any more is not kept


def test_a_row_for_each_change_and_none_for_what_was_so_already(tmp_path: Path) -> None:
    drop(
        tmp_path,
        "1.csv",
        "user_id,known_at,attribute.town,attribute.age",
        "ann,2024-03-01T00:00:00Z,Ulm,",
        "ann,2024-01-01T00:00:00Z,Ulm,30-39",
        "ann,2024-02-01T00:00:00Z,Rom,30-39",
        "bob,2024-01-01T00:00:00Z,,",
    )
    rows = ingest(tmp_path, "age", "town").scan(USERS).collect()
    assert [(attribute, value, known_at.month) for _, attribute, value, known_at in rows.rows()] == [
        ("age", "30-39", 1),
        ("town", "Ulm", 1),
        ("town", "Rom", 2),
        ("town", "Ulm", 3),
    ]


def test_what_has_no_time_is_known_from_the_day_it_landed_and_no_later_night_moves_that(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    drop(tmp_path, "1.csv", "user_id,attribute.age", "ann,20-29")
    first = ingest(tmp_path, "age").scan(USERS).collect()
    assert before <= first["known_at"][0] <= datetime.now(UTC)
    drop(tmp_path, "2.csv", "user_id,attribute.age", "ann,30-39")
    second = ingest(tmp_path, "age").scan(USERS).collect()
    assert second["value"].to_list() == ["20-29", "30-39"]
    assert second["known_at"][0] == first["known_at"][0] < second["known_at"][1]
    assert ingest(tmp_path, "age").scan(USERS).collect().equals(second)
    (tmp_path / "landing/users/1.csv").unlink()
    assert ingest(tmp_path, "age").scan(USERS).collect().equals(second)  # the table remembers


def test_rows_that_cannot_be_true_go_to_quarantine_with_the_reason(tmp_path: Path) -> None:
    drop(
        tmp_path,
        "1.csv",
        "user_id,known_at,attribute.age",
        ",2024-01-01T00:00:00Z,20-29",
        "ann,2999-01-01T00:00:00Z,20-29",
        f"bob,2024-01-01T00:00:00Z,{'x' * 101}",
        "cem,yesterday,20-29",
        "dea,2024-01-01T00:00:00Z,20-29",
    )
    reader = ingest(tmp_path, "age")
    assert rows_of(reader) == [("dea", "age", "20-29")]
    assert read_refused(reader).select("row", "reason").rows() == [
        (0, "user_id: not null"),
        (1, "known_at: in the future when it was read, by more than 600 s"),
        (2, "attributes: a value of 101 characters; at most 100 are taken"),
        (3, "known_at: yesterday is not an ISO time with a zone"),
    ]


def test_users_go_by_the_names_that_events_have_in_quarantine_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    drop(tmp_path, "1.csv", "user_id,attribute.age", "ann,20-29", f"bob,{'x' * 101}")
    reader = ingest(tmp_path, "age", privacy={"pseudonyms": True})
    names = UserNames(KEY.encode())
    assert rows_of(reader) == [(names.of("ann"), "age", "20-29")]
    assert names.of("bob") in read_refused(reader)["content"][0]


def test_an_erased_user_stays_out(tmp_path: Path) -> None:
    Tombstones().with_users(["ann"]).write(Workspace(tmp_path).tombstones)
    drop(tmp_path, "1.csv", "user_id,attribute.age", f"ann,{'x' * 101}", "ann,20-29", "bob,20-29")
    reader = ingest(tmp_path, "age")
    assert rows_of(reader) == [("bob", "age", "20-29")]
    assert read_refused(reader).is_empty()


def test_an_attribute_that_nobody_has_is_told_with_those_there_are(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", "user_id,attribute.age,attribute.town", "ann,20-29,Ulm")
    with pytest.raises(LandingError, match=r"no user has the attribute 'agee'; there are age, town\. Change \[users\] attributes\."):
        ingest(tmp_path, "agee")


def test_an_attribute_that_nobody_has_any_more_is_no_error(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", "user_id,attribute.age", "ann,20-29")
    ingest(tmp_path, "age")
    assert erase_from_table(Workspace(tmp_path), "users", Sought(("ann",))) == "1 rows removed"
    Tombstones().with_users(["ann"]).write(Workspace(tmp_path).tombstones)
    for _ in range(2):
        assert ingest(tmp_path, "age").manifest.facts["values"] == {"age": 0}


def test_named_attributes_without_any_file_are_told(tmp_path: Path) -> None:
    ingest(tmp_path)
    with pytest.raises(LandingError, match="ingest_users: there is no file in landing/users"):
        ingest(tmp_path, "age")


def test_a_file_that_lands_starts_the_stage_anew_only_where_it_is_asked_for(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", "user_id,attribute.age", "ann,20-29")
    for attributes, stays in ((["age"], False), ([], True)):
        ingest(tmp_path, *attributes)
        drop(tmp_path, "2.csv", "user_id,attribute.age", f"bob,{len(attributes)}")
        context = context_of(STAGE, tmp_path, users={"attributes": attributes})
        assert is_current(STAGE, context.workspace, context.config, NIGHT) is stays


def test_files_with_two_attributes_of_one_moment_are_laid_together(tmp_path: Path) -> None:
    for name, column in (("1.parquet", "attribute.age"), ("2.parquet", "attribute.town")):
        frame = pl.DataFrame({"user_id": ["ann"], "known_at": [datetime(2024, 1, 1, tzinfo=UTC)], column: [name]})
        path = tmp_path / "landing" / "users" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)
    assert rows_of(ingest(tmp_path, "age", "town")) == [("ann", "age", "1.parquet"), ("ann", "town", "2.parquet")]

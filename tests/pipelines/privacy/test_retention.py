from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.config import ConfigError, parse_config
from pipelines.privacy.retention import oldest_kept
from pipelines.stages.ingest_events import STAGE
from tests.pipelines.stages.test_ingest_events import click, drop, refused, users
from tests.support.stages import run_stage

NOW = datetime(2024, 4, 1, tzinfo=UTC)
EASTER = datetime(2024, 3, 31, tzinfo=UTC)


def test_age_counts_back_from_the_newest_event() -> None:
    assert oldest_kept(EASTER, keep_days=30, now=NOW) == datetime(2024, 3, 1, tzinfo=UTC)


def test_an_event_from_the_future_makes_no_other_older() -> None:
    assert oldest_kept(datetime(2999, 1, 1, tzinfo=UTC), keep_days=31, now=NOW) == datetime(2024, 3, 1, tzinfo=UTC)


def test_without_a_limit_nothing_is_too_old() -> None:
    assert oldest_kept(EASTER, keep_days=0, now=NOW) is None


def test_old_events_are_dropped_whether_they_come_now_or_stand_already_and_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(tmp_path, "1.csv", click("january", "2024-01-05T10:00:00Z"), click("march", "2024-03-05T10:00:00Z"))
    assert users(run_stage(STAGE, tmp_path)) == ["january", "march"]
    drop(tmp_path, "2.csv", click("february", "2024-02-01T10:00:00Z"), click("april", "2024-04-01T00:00:00Z"))
    reader = run_stage(STAGE, tmp_path, privacy={"keep_days": 40})
    assert users(reader) == ["march", "april"]
    facts = reader.manifest.facts
    assert (facts["rows"], facts["expired"], facts["first"]) == (2, 2, "2024-03-05T10:00:00+00:00")
    assert "2 events older than 40 days dropped (keep_days)" in capsys.readouterr().err


def test_an_event_that_comes_too_late_to_be_kept_is_neither_new_nor_late(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", "2024-04-01T10:00:00Z"))
    before = run_stage(STAGE, tmp_path).manifest
    drop(tmp_path, "2.csv", click("v", "2024-01-05T10:00:00Z"))
    after = run_stage(STAGE, tmp_path, privacy={"keep_days": 40}).manifest
    facts = {name: after.facts[name] for name in ("rows", "new", "expired", "duplicates", "late", "late_from")}
    assert facts == {"rows": 1, "new": 0, "expired": 1, "duplicates": 0, "late": {}, "late_from": None}
    assert after.content_digest == before.content_digest


def test_of_late_events_on_the_day_at_which_keeping_begins_those_that_stay_are_told(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", "2024-04-01T10:00:00Z"))
    run_stage(STAGE, tmp_path)
    drop(tmp_path, "2.csv", click("v", "2024-03-02T09:59:59Z"), click("w", "2024-03-02T10:00:00Z"))
    facts = run_stage(STAGE, tmp_path, privacy={"keep_days": 30}).manifest.facts
    assert (facts["new"], facts["late"], facts["late_from"]) == (1, {"2024-03-02": 1}, "2024-03-03")


def test_refused_rows_grow_old_too_and_one_without_a_time_stays(tmp_path: Path) -> None:
    drop(
        tmp_path,
        "1.csv",
        click("old", "2024-01-05", value=1),
        click("u", "2024-04-01T00:00:00Z"),
        click("new", "2024-03-31"),
        click("x", "?"),
    )
    assert [row for _, row, _ in refused(run_stage(STAGE, tmp_path, privacy={"keep_days": 40}))] == [2, 3]


def test_a_negative_age_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="keep_days is -1"):
        parse_config({"privacy": {"keep_days": -1}})

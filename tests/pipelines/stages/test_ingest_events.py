import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.event_runs import EventRuns
from feature_store.layout import TableReader
from feature_store.quarantine import REFUSED_ROWS
from feature_store.schema import EVENTS
from pipelines.stage import is_current
from pipelines.stages.ingest_events import STAGE
from tests.support.stages import NIGHT, context_of, run_stage

JANUARY, MARCH = "2024-01-05T10:00:00Z", "2024-03-05T10:00:00Z"


def click(user: str, time: object = JANUARY, **more: object) -> dict[str, object]:
    return {"user_id": user, "item_id": "i", "event_type": "click", "event_time": time, **more}


def drop(root: Path, name: str, *rows: dict[str, object]) -> Path:
    path = root / "landing" / "events" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(list(rows))
    {".parquet": frame.write_parquet, ".csv": frame.write_csv, ".jsonl": frame.write_ndjson}[path.suffix](path)
    return path


def users(reader: TableReader) -> list[str]:
    return reader.scan(EVENTS).collect()["user_id"].to_list()


def refused(reader: TableReader) -> list[tuple[str, int, str]]:
    return reader.scan(REFUSED_ROWS, prefix="quarantine/").collect().select("source", "row", "reason").rows()


def test_files_of_every_format_become_one_log_in_order_of_time(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("csv", MARCH))
    drop(tmp_path, "2.jsonl", click("jsonl"))
    drop(tmp_path, "3.parquet", click("parquet", datetime(2024, 1, 5, 9, tzinfo=UTC)))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["parquet", "jsonl", "csv"]
    facts = reader.manifest.facts
    assert (facts["rows"], facts["new"], facts["quarantined"]) == (3, 3, 0)
    assert (facts["first"], facts["last"]) == ("2024-01-05T09:00:00+00:00", "2024-03-05T10:00:00+00:00")


def test_a_second_night_with_nothing_new_leaves_the_same_contents(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"), click("u"))
    first, second = run_stage(STAGE, tmp_path), run_stage(STAGE, tmp_path)
    assert first.manifest.content_digest == second.manifest.content_digest
    assert (second.manifest.facts["rows"], second.manifest.facts["new"]) == (1, 0)


def test_what_is_done_need_not_run_until_a_file_arrives(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    run_stage(STAGE, tmp_path)
    context = context_of(STAGE, tmp_path)
    assert is_current(STAGE, context.workspace, context.config, NIGHT)
    drop(tmp_path, "2.csv", click("v"))
    assert not is_current(STAGE, context.workspace, context.config, NIGHT)


def test_the_same_file_under_another_name_is_not_read_again(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    drop(tmp_path, "copy.csv", click("u"))
    assert [source["file"] for source in run_stage(STAGE, tmp_path).manifest.facts["sources"].values()] == ["landing/events/1.csv"]


def test_an_event_that_two_files_hold_is_one_row(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"), click("v"))
    drop(tmp_path, "2.jsonl", click("v"), click("w"))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["u", "v", "w"]
    assert reader.manifest.facts["duplicates"] == 1


def test_a_file_that_is_gone_after_it_was_read_leaves_its_events(tmp_path: Path) -> None:
    gone = drop(tmp_path, "1.csv", click("u"))
    run_stage(STAGE, tmp_path)
    gone.unlink()
    assert users(run_stage(STAGE, tmp_path)) == ["u"]


def test_a_file_cut_in_half_is_told_left_where_it_is_and_read_when_it_is_whole(tmp_path: Path) -> None:
    drop(tmp_path, "good.csv", click("u"))
    path = drop(tmp_path, "half.parquet", click("v"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["u"]
    assert list(reader.manifest.facts["unreadable"]) == ["landing/events/half.parquet"]
    assert path.exists()
    path.write_bytes(whole)
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["u", "v"]
    assert reader.manifest.facts["unreadable"] == {}


def test_a_file_with_an_unknown_column_is_told_with_a_hint_and_does_not_stop_the_others(tmp_path: Path) -> None:
    drop(tmp_path, "good.csv", click("u"))
    drop(tmp_path, "odd.csv", click("v", sesion_id="s"))
    told = run_stage(STAGE, tmp_path).manifest.facts["unreadable"]
    assert told == {"landing/events/odd.csv": "has an unknown column 'sesion_id'; did you mean 'session_id'?"}


def test_what_is_told_of_a_file_is_told_whole_with_all_its_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, "good.csv", click("u"))
    drop(tmp_path, "[bold][/red].csv", {"itm_id": "i"})
    run_stage(STAGE, tmp_path)
    shown = " ".join(capsys.readouterr().err.split())
    assert "landing/events/[bold][/red].csv has no column " in shown
    assert "Rename with a [mapping] and `vitrine import`." in shown


def test_rows_that_break_a_rule_lie_in_quarantine_with_reason_and_content(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"), click("v", event_type="wink"), click("", value=1), click("w", position=0), click("x", value="much"))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["u"]
    assert [(row, reason.partition(":")[0]) for _, row, reason in refused(reader)] == [
        (1, "event_type"),
        (2, "user_id"),
        (3, "position"),
        (4, "value"),
    ]
    content = reader.scan(REFUSED_ROWS, prefix="quarantine/").collect()["content"][0]
    assert json.loads(content)["event_type"] == "wink"


def test_naive_times_are_refused_until_the_config_calls_them_utc(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", "2024-01-05 10:00:00"), click("v"))
    reader = run_stage(STAGE, tmp_path)
    assert refused(reader) == [("landing/events/1.csv", 0, "event_time: 2024-01-05 10:00:00 is not an ISO time with a zone")]
    reader = run_stage(STAGE, tmp_path, sources={"naive_times": "utc"})
    assert users(reader) == ["v", "u"]  # v came in the night before
    assert reader.manifest.facts["quarantined"] == 0


def test_numbers_are_times_only_where_the_config_gives_their_unit(tmp_path: Path) -> None:
    drop(tmp_path, "1.parquet", click("u", 1704448800))  # 2024-01-05 10:00 UTC
    assert run_stage(STAGE, tmp_path).manifest.facts["quarantined"] == 1
    found = run_stage(STAGE, tmp_path, sources={"time_unit": "s"}).scan(EVENTS).collect()
    assert found["event_time"].to_list() == [datetime(2024, 1, 5, 10, tzinfo=UTC)]


def test_quarantine_grows_from_night_to_night(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("", JANUARY), click("u"))
    run_stage(STAGE, tmp_path)
    drop(tmp_path, "2.csv", click("", MARCH))
    reader = run_stage(STAGE, tmp_path)
    assert [source for source, _, _ in refused(reader)] == ["landing/events/1.csv", "landing/events/2.csv"]


def test_ids_may_hold_spaces_any_script_and_ten_kilobytes(tmp_path: Path) -> None:
    ids = [" a b ", "用户", "🦊\n\t", "x" * 10_240]
    drop(tmp_path, "1.parquet", *(click(user) for user in ids))
    drop(tmp_path, "2.csv", *(click(user) for user in ids))
    assert users(run_stage(STAGE, tmp_path)) == ids


def test_events_of_items_nobody_has_heard_of_are_kept(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", item_id="unheard"))
    assert run_stage(STAGE, tmp_path).manifest.facts["rows"] == 1


def test_days_are_partitions_where_the_config_says_so(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    reader = run_stage(STAGE, tmp_path, sources={"partition": "day"})
    assert list(reader.manifest.files) == ["event_date=2024-01-05/part-00000.parquet"]


def test_an_empty_landing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"ingest_events: there is no file in landing/events below .* Fill it with `vitrine import`"):
        run_stage(STAGE, tmp_path)


def test_if_no_file_can_be_read_at_all_each_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "landing" / "events").mkdir(parents=True)
    (tmp_path / "landing" / "events" / "notes.txt").write_text("hello")
    with pytest.raises(LandingError, match=r"can be read: landing/events/notes\.txt is a \.txt file"):
        run_stage(STAGE, tmp_path)


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from feature_store.manifest import Manifest
from pipelines.stages.ingest_events import STAGE
from tests.support.stages import run_stage
Manifest.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run_stage(STAGE, Path(sys.argv[1]))
"""


def killed(script: str, root: Path) -> int:
    """How a process ends that runs this script on the workspace."""
    return subprocess.run([sys.executable, "-c", script, str(root)], cwd=Path(__file__).parents[3], check=False).returncode


def test_a_night_killed_just_before_its_manifest_leaves_the_old_log_and_the_next_takes_all_in(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    before = run_stage(STAGE, tmp_path)
    drop(tmp_path, "2.csv", click("v"))
    assert killed(KILLED_WHILE_WRITING, tmp_path) == -9
    workspace = context_of(STAGE, tmp_path).workspace
    assert workspace.read("events").manifest == before.manifest
    assert users(workspace.read("events")) == ["u"]
    assert users(run_stage(STAGE, tmp_path)) == ["u", "v"]


KILLED_WHILE_READING = """
import os, signal, sys
from pathlib import Path
from feature_store import event_intake, event_runs
from pipelines.stages.ingest_events import STAGE
from tests.support.stages import run_stage
read, seen = event_intake.read_landing_blocks, []
def read_or_die(path, **more):
    if path.name == "3.csv":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path, **more)
event_intake.read_landing_blocks = read_or_die
event_runs.SHARE = 2**40  # every file is on the disk as soon as it is read
run_stage(STAGE, Path(sys.argv[1]))
"""


def test_a_night_killed_while_it_reads_goes_on_behind_the_files_it_had_finished(tmp_path: Path) -> None:
    for number, user in enumerate("abc", start=1):
        drop(tmp_path, f"{number}.csv", click(user), click("", user))
    assert killed(KILLED_WHILE_READING, tmp_path) == -9
    context = context_of(STAGE, tmp_path)
    assert not context.workspace.exists("events")
    assert len(EventRuns(context.scratch, memory_bytes=2**30).sources) == 2
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["a", "b", "c"]
    assert [source for source, _, _ in refused(reader)] == [f"landing/events/{number}.csv" for number in (1, 2, 3)]
    assert reader.manifest.facts["new"] == 3


def test_a_day_without_events_is_a_file_without_rows(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    before = run_stage(STAGE, tmp_path)
    (tmp_path / "landing" / "events" / "2.csv").write_text("user_id,item_id,event_type,event_time\n")
    after = run_stage(STAGE, tmp_path)
    assert users(after) == ["u"]
    assert after.manifest.content_digest == before.manifest.content_digest  # nothing has to be learned anew


def test_a_shop_without_any_event_yet_has_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "landing" / "events").mkdir(parents=True)
    (tmp_path / "landing" / "events" / "1.csv").write_text("user_id,item_id,event_type,event_time\n")
    facts = run_stage(STAGE, tmp_path).manifest.facts
    assert (facts["rows"], facts["first"], facts["last"]) == (0, None, None)


def test_the_same_given_id_is_one_event_whichever_file_it_comes_in(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("first", event_id="x"))
    drop(tmp_path, "2.jsonl", click("second", MARCH, event_id="x"))
    run_stage(STAGE, tmp_path)
    drop(tmp_path, "3.parquet", click("third", MARCH, event_id="x"))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["first"]
    assert reader.manifest.facts["duplicates"] == 1


def test_a_column_of_lists_where_texts_belong_costs_its_file_and_no_other(tmp_path: Path) -> None:
    drop(tmp_path, "1.parquet", click(["u"]))  # type: ignore[arg-type]
    drop(tmp_path, "2.parquet", click("v"))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["v"]
    assert reader.manifest.facts["unreadable"] == {
        "landing/events/1.parquet": "has List(String) in the column user_id; wanted is one plain value per row"
    }


def test_money_below_zero_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", value=-0.01), click("v", value=0))
    reader = run_stage(STAGE, tmp_path)
    assert users(reader) == ["v"]
    assert refused(reader) == [("landing/events/1.csv", 0, "value: at least 0 and finite")]


def test_an_event_from_the_future_is_refused_and_read_again_under_another_allowance(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", "2999-01-01T00:00:00Z"), click("v"))
    reader = run_stage(STAGE, tmp_path)
    assert refused(reader) == [("landing/events/1.csv", 0, "event_time: in the future when it was read, by more than 600 s")]
    reader = run_stage(STAGE, tmp_path, sources={"clock_skew_s": 1e11})
    assert users(reader) == ["v", "u"]


def test_late_events_are_told_with_their_days_and_the_days_they_touch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, "1.csv", click("u", "2024-01-10T10:00:00Z"))
    assert run_stage(STAGE, tmp_path).manifest.facts["late"] == {}
    late = [click(user, f"2024-01-0{day}T10:00:00Z") for user, day in (("a", 3), ("b", 3), ("c", 5))]
    drop(tmp_path, "2.csv", *late, click("on time", "2024-01-10T09:00:00Z"))
    facts = run_stage(STAGE, tmp_path).manifest.facts
    assert (facts["late"], facts["late_from"]) == ({"2024-01-03": 2, "2024-01-05": 1}, "2024-01-04")
    assert "3 late events, of 2024-01-03 (2), 2024-01-05 (1); features change from 2024-01-04 on" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_late_event_that_nobody_could_know_of_before_changes_no_day_that_is_past(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u", "2024-01-10T10:00:00Z"))
    run_stage(STAGE, tmp_path)
    drop(tmp_path, "2.csv", click("a", "2024-01-03T10:00:00Z", known_at="2024-01-11T00:00:00Z"))
    facts = run_stage(STAGE, tmp_path).manifest.facts
    assert (facts["late"], facts["late_from"]) == ({"2024-01-03": 1}, None)

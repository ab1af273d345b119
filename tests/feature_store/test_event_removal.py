from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from feature_store.event_append import append
from feature_store.event_removal import remove_events
from feature_store.layout import TableReader, Workspace
from feature_store.schema import EVENTS
from tests.support.event_logs import runs_of

JANUARY, MARCH = datetime(2024, 1, 5, tzinfo=UTC), datetime(2024, 3, 5, tzinfo=UTC)


def rows(*events: tuple[str, str, datetime]) -> pl.DataFrame:
    frame = pl.DataFrame([{"event_id": name, "user_id": user, "event_time": when, "known_at": when} for name, user, when in events])
    frame = frame.with_columns(item_id=pl.lit("i"), event_type=pl.lit("click"))
    missing = [pl.lit(None, dtype).alias(column) for column, dtype in EVENTS.schema.items() if column not in frame.columns]
    return frame.with_columns(missing).select(EVENTS.schema.names()).cast(EVENTS.schema)


def written(workspace: Workspace, frame: pl.DataFrame) -> TableReader:
    with workspace.write("events") as writer:
        append(writer, None, runs_of(workspace.root / "runs", frame), partition="month")
        writer.commit()
    return workspace.read("events")


def test_what_is_left_keeps_its_order_and_says_its_span(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.write("events") as writer:
        frame = rows(("1", "u", JANUARY), ("2", "v", JANUARY), ("3", "w", MARCH), ("4", "u", MARCH))
        append(writer, None, runs_of(tmp_path / "runs", frame), partition="month")
        left = remove_events(writer, pl.col("user_id") == "u")
        writer.commit()
    assert (left.rows, left.first, left.last) == (2, JANUARY, MARCH)
    assert workspace.read("events").scan(EVENTS).collect()["event_id"].to_list() == ["2", "3"]


def test_a_partition_of_nothing_else_goes_and_one_without_such_events_keeps_its_bytes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    before = written(workspace, rows(("1", "u", JANUARY), ("2", "v", MARCH)))
    with workspace.write("events") as writer:
        for file in before.manifest.files:
            writer.keep(before, file)
        remove_events(writer, pl.col("event_time") < MARCH)
        after = writer.commit()
    (march,) = [file for file in before.manifest.files if file.startswith("event_month=2024-03")]
    assert after.files == {march: before.manifest.files[march]}


def test_the_build_that_stands_is_not_touched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    before = written(workspace, rows(("1", "u", JANUARY), ("2", "v", JANUARY)))
    with workspace.write("events") as writer:
        for file in before.manifest.files:
            writer.keep(before, file)  # a second name of the same bytes
        remove_events(writer, pl.col("user_id") == "u")
    assert before.scan(EVENTS).collect()["user_id"].to_list() == ["u", "v"]


def test_of_a_log_without_a_rest_there_is_no_span(tmp_path: Path) -> None:
    with Workspace(tmp_path).write("events") as writer:
        append(writer, None, runs_of(tmp_path / "runs", rows(("1", "u", JANUARY))), partition="month")
        left = remove_events(writer, pl.col("user_id") == "u")
    assert (left.rows, left.first, left.last) == (0, None, None)


def test_what_is_left_of_a_file_of_the_first_version_is_written_as_one_of_today(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.write("events") as writer:
        path = writer.folder / "event_month=2024-01" / "part-0000.parquet"
        path.parent.mkdir()
        rows(("1", "u", JANUARY), ("2", "v", JANUARY)).with_columns(value=pl.lit(-1.0)).write_parquet(path)  # it tells no version
        left = remove_events(writer, pl.col("user_id") == "u")
        writer.commit()
    assert left.rows == 1
    assert workspace.read("events").scan(EVENTS).collect().select("event_id", "value").rows() == [("2", None)]

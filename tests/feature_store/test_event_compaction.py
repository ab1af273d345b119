from pathlib import Path

import polars as pl

from feature_store.event_compaction import compact, scattered
from feature_store.layout import TableReader, Workspace
from feature_store.quarantine import Refusal, write_refused
from feature_store.schema import EVENTS
from tests.support.event_logs import add, events, store, users


def compacted(root: Path) -> TableReader:
    log = Workspace(root).read("events")
    with Workspace(root).write("events") as writer:
        compact(writer, log, scattered(log))
        writer.commit(same_rows_as=log.manifest)
    return Workspace(root).read("events")


def hourly(root: Path) -> TableReader:
    """Two months of which the second came in three pieces."""
    times = ("2024-01-31T10:00:00Z", "2024-02-01T10:00:00Z", "2024-02-01T11:00:00Z", "2024-02-01T11:30:00Z")
    return store(root, *(events((user, time), ("twin", time)) for user, time in zip("abcd", times, strict=True)))


def test_small_files_of_a_partition_become_one_with_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    before = hourly(tmp_path)
    rows = before.scan(EVENTS).collect()
    after = compacted(tmp_path)
    assert (len(before.files()), len(after.files())) == (4, 2)
    assert after.scan(EVENTS).collect().equals(rows)


def test_a_partition_in_one_file_is_left_as_it_is(tmp_path: Path) -> None:
    before = hourly(tmp_path)
    january = before.files()[0]
    assert compacted(tmp_path).path(january).samefile(before.path(january))


def test_what_is_compact_has_nothing_scattered(tmp_path: Path) -> None:
    hourly(tmp_path)
    assert scattered(compacted(tmp_path)) == []


def test_whoever_reads_while_it_is_compacted_reads_every_row_once(tmp_path: Path) -> None:
    reader = hourly(tmp_path)
    rows = reader.scan(EVENTS)
    compacted(tmp_path)
    assert rows.collect().height == 8


def test_a_compacted_log_grows_on_and_still_knows_every_event(tmp_path: Path) -> None:
    hourly(tmp_path)
    compacted(tmp_path)
    known, late = ("b", "2024-02-01T10:00:00Z"), ("late", "2024-02-01T10:30:00Z")
    assert add(tmp_path, events(known, late)).new == 1
    assert users(Workspace(tmp_path).read("events")) == ["a", "twin", "b", "twin", "late", "c", "twin", "d", "twin"]


def test_refused_rows_stay_beside_it(tmp_path: Path) -> None:
    hourly(tmp_path)
    log = Workspace(tmp_path).read("events")
    with Workspace(tmp_path).write("events") as writer:
        for file in log.files():
            writer.keep(log, file)
        write_refused(
            writer, Refusal(pl.DataFrame({"row": [0], "reason": ["odd"]})).describe(pl.DataFrame({"a": [1]}), source="s", digest="d")
        )
        writer.commit()
    assert compacted(tmp_path).files(prefix="quarantine/") == ["quarantine/part-0000.parquet"]

from pathlib import Path

import polars as pl
import pytest

from feature_store.event_runs import EventRuns
from feature_store.quarantine import REFUSED_ROWS
from tests.support.event_logs import events, runs_of

NOTHING = REFUSED_ROWS.empty()
DAYS = events(*((f"u{day}", f"2024-01-{day:02d}T00:00:00Z") for day in (3, 1, 2)))


def held(runs: EventRuns) -> list[str]:
    """Users of all runs in order of arrival."""
    batches = [batch for run in runs.runs for batch in runs.read(run, columns=("user_id", "arrival"))]
    return pl.concat(batches).sort("arrival")["user_id"].to_list() if batches else []


def test_a_run_is_in_order_of_time_and_remembers_how_its_events_came(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, DAYS)
    (run,) = runs.runs
    assert pl.concat(runs.read(run, columns=("user_id",)))["user_id"].to_list() == ["u1", "u2", "u3"]
    assert held(runs) == ["u3", "u1", "u2"]


def test_ids_of_one_bucket_come_together_and_all_buckets_hold_all(tmp_path: Path) -> None:
    ids = pl.concat(runs_of(tmp_path, DAYS, DAYS).ids(range(64)))
    assert sorted(ids.rows()) == sorted((name, arrival) for arrival, name in enumerate([*DAYS["event_id"]] * 2))


def test_a_source_that_breaks_off_leaves_nothing_even_where_parts_of_it_were_written(tmp_path: Path) -> None:
    runs = EventRuns(tmp_path, memory_bytes=10)  # so little that every frame is written at once
    runs.add(DAYS, NOTHING)
    runs.complete("good", {})
    runs.add(events(("bad", "2024-01-01T00:00:00Z")), NOTHING)
    runs.drop()
    runs.add(events(("later", "2024-01-01T00:00:00Z")), NOTHING)
    runs.complete("later", {})
    runs.close()
    assert held(runs) == ["u3", "u1", "u2", "later"]
    assert list(runs.sources) == ["good", "later"]


@pytest.mark.parametrize("memory_bytes", [10, 2**30])
def test_what_was_finished_before_a_kill_is_gone_on_with(tmp_path: Path, memory_bytes: int) -> None:
    killed = EventRuns(tmp_path, memory_bytes=memory_bytes)
    killed.add(DAYS, NOTHING)
    killed.complete("first", {"rows": 3})
    killed.add(events(("half", "2024-01-01T00:00:00Z")), NOTHING)  # never completed, never closed
    runs = EventRuns(tmp_path, memory_bytes=memory_bytes)
    finished = memory_bytes == 10  # with more memory nothing had been written yet, and all is read again
    assert runs.sources == ({"first": {"rows": 3}} if finished else {})
    runs.add(events(("second", "2024-01-01T00:00:00Z")), NOTHING)
    runs.complete("second", {})
    runs.close()
    assert held(runs) == (["u3", "u1", "u2"] if finished else []) + ["second"]

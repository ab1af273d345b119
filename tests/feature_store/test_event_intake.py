from pathlib import Path

import polars as pl

from feature_store.event_intake import take_in_events
from feature_store.event_log import conform_events
from feature_store.event_runs import EventRuns
from feature_store.landing import list_landing
from feature_store.times import TimeRule

HEADER = "user_id,item_id,event_type,event_time\n"
MEMORY = 64 * 500  # blocks of 500 bytes


def take_in(root: Path, **files: str) -> tuple[EventRuns, dict[str, str]]:
    """Runs of these CSV files, and what could not be read."""
    (root / "in").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "in" / f"{name}.csv").write_text(text)
    runs = EventRuns(root / "runs", memory_bytes=MEMORY)
    found = list_landing([root / "in"], root=root)
    return runs, take_in_events(found, runs, lambda raw: conform_events(raw, TimeRule()))


def clicks(*users: str) -> str:
    return HEADER + "".join(f"{user},i,click,2024-01-01T00:00:00Z\n" for user in users)


def test_a_refused_row_is_told_by_its_place_in_the_file_however_many_blocks_come_before(tmp_path: Path) -> None:
    users = [f"u{number}" if number % 40 else "" for number in range(100)]
    runs, unreadable = take_in(tmp_path, a=clicks(*users))
    assert (runs.rows, unreadable) == (97, {})
    assert pl.concat(runs.refused())["row"].to_list() == [0, 40, 80]
    assert [(told["rows"], told["quarantined"]) for told in runs.sources.values()] == [(100, 3)]


def test_of_a_file_that_breaks_off_after_some_blocks_nothing_comes_in(tmp_path: Path) -> None:
    runs, unreadable = take_in(tmp_path, a=clicks(*"abc"), b=clicks(*(["u"] * 100)) + "one,field,too,many,here\n", c=clicks("d"))
    assert runs.rows == 4
    assert list(unreadable) == ["in/b.csv"]
    assert len(runs.sources) == 2


def test_what_the_runs_hold_is_not_read_again(tmp_path: Path) -> None:
    take_in(tmp_path, a=clicks("a"))
    runs, _ = take_in(tmp_path, b=clicks("b"))
    assert runs.rows == 2

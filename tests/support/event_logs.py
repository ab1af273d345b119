"""Event logs made of clicks, batch by batch, the way a night makes them."""

from pathlib import Path

import polars as pl

from feature_store.event_append import Appended, append
from feature_store.event_files import Partition
from feature_store.event_log import conform_events
from feature_store.event_runs import EventRuns
from feature_store.layout import TableReader, Workspace
from feature_store.quarantine import REFUSED_ROWS
from feature_store.schema import EVENTS
from feature_store.times import TimeRule

MEMORY = 2**30


def events(*rows: tuple[str, str], **more: object) -> pl.DataFrame:
    """One click per (user, time)."""
    clicks = [{"user_id": user, "item_id": "i", "event_type": "click", "event_time": time, **more} for user, time in rows]
    found, refusal = conform_events(pl.DataFrame(clicks), TimeRule())
    assert len(refusal) == 0
    return found


def runs_of(folder: Path, *sources: pl.DataFrame, memory_bytes: int = MEMORY) -> EventRuns:
    """The frames as if each had been a file."""
    runs = EventRuns(folder, memory_bytes=memory_bytes)
    for number, frame in enumerate(sources):
        runs.add(frame, REFUSED_ROWS.empty())
        runs.complete(str(number), {})
    runs.close()
    return runs


def add(root: Path, *sources: pl.DataFrame, partition: Partition = "month", memory_bytes: int = MEMORY) -> Appended:
    """One more build of the log of a workspace."""
    workspace = Workspace(root)
    log = workspace.read("events") if workspace.exists("events") else None
    folder = root / "runs" / str(len(list(root.glob("runs/*"))))
    with workspace.write("events") as writer:
        appended = append(writer, log, runs_of(folder, *sources, memory_bytes=memory_bytes), partition=partition)
        writer.commit()
    return appended


def store(root: Path, *batches: pl.DataFrame, partition: Partition = "month") -> TableReader:
    """A log that has grown batch by batch."""
    for batch in batches:
        add(root, batch, partition=partition)
    return Workspace(root).read("events")


def users(reader: TableReader) -> list[str]:
    """Who stands in the log, in its order."""
    return reader.scan(EVENTS).collect()["user_id"].to_list()

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from feature_store.day_digests import DIGESTS, SCHEMA, day_digests, first_difference, read_digests, write_digests
from feature_store.features.item_features import needed_events
from feature_store.layout import Workspace
from feature_store.schema import EVENTS

START = datetime(2025, 1, 1, tzinfo=UTC)


def events_of(*rows: tuple[str, float, float]) -> pl.DataFrame:
    """Clicks on (item, day, day known)."""
    told = [
        {
            "event_id": f"{place}",
            "user_id": "u",
            "item_id": item,
            "event_type": "click",
            "event_time": START + timedelta(days=day),
            "known_at": START + timedelta(days=known),
        }
        for place, (item, day, known) in enumerate(rows)
    ]
    return pl.DataFrame(told, schema=EVENTS.schema)


def digests(root: Path, *files: pl.DataFrame, known: pl.DataFrame | None = None) -> pl.DataFrame:
    with Workspace(root).write("events") as writer:
        for place, events in enumerate(files):
            writer.write(events, EVENTS, file=f"part-{place}.parquet")
        writer.commit()
    return day_digests(Workspace(root).read("events"), EVENTS, needed_events, known=SCHEMA.to_frame() if known is None else known)


EVENT = events_of(("a", 0.5, 0.5), ("b", 3.5, 3.5), ("b", 5.5, 9.5))


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (EVENT.reverse(), None),
        (EVENT[:2], 10),  # the third is known from day 10 on
        (EVENT[1:], 1),
        (EVENT.with_columns(user_id=pl.lit("v")), None),  # who it was is not counted
        (EVENT.with_columns(value=pl.when(pl.col("item_id") == "b").then(1.0)), 4),
        (pl.concat([EVENT, EVENT[:1].with_columns(event_id=pl.lit("again"))]), 1),
        (pl.concat([EVENT, events_of(("a", 2.5, 7.5)).with_columns(event_id=pl.lit("late"))]), 8),
    ],
)
def test_the_first_day_that_differs_is_found(tmp_path: Path, other: pl.DataFrame, first: int | None) -> None:
    found = first_difference(digests(tmp_path / "old", EVENT), digests(tmp_path / "new", other))
    assert found == (None if first is None else START + timedelta(days=first))


def test_files_do_not_matter_and_those_that_are_known_are_not_read_again(tmp_path: Path) -> None:
    whole = digests(tmp_path / "whole", EVENT)
    parted = digests(tmp_path / "parted", EVENT[:1], EVENT[1:])
    assert first_difference(whole, parted) is None
    for path in (tmp_path / "parted").rglob("*.parquet"):
        path.write_bytes(b"")
    log = Workspace(tmp_path / "parted").read("events")
    assert day_digests(log, EVENTS, needed_events, known=parted).equals(parted)


def test_equal_digests_are_equal_bytes_however_they_were_gathered(tmp_path: Path) -> None:
    whole = digests(tmp_path, EVENT[:1], EVENT[1:])
    gathered = pl.concat([whole[1:], whole[:1], SCHEMA.to_frame()]).sort("file", "day")
    written = []
    for found in (whole, gathered):
        with Workspace(tmp_path).write("digested") as writer:
            write_digests(writer, found)
            written.append(writer.commit().files[DIGESTS])
        assert read_digests(Workspace(tmp_path).read("digested")).equals(whole)
    assert written[0] == written[1]

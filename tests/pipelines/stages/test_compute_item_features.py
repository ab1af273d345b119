"""A night that carries days over makes, to the byte, what counting all of them makes."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.layout import TableReader, Workspace
from feature_store.manifest import Manifest
from feature_store.schema import EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT, UTC_TIME
from pipelines.stages.compute_item_features import STAGE
from tests.support.stages import context_of, run_stage

START = datetime(2025, 1, 10, tzinfo=UTC)
KINDS = ("impression", "click", "purchase", "rating", "review")


def events_of(generator: np.random.Generator, number: int, first: float, end: float, *, late: float = 0.2) -> pl.DataFrame:
    """Rows of the table `events` on few items that happen on days [first, end), some of them known up to 20 days later."""
    days = generator.uniform(first, end, number)
    known = days + np.where(generator.random(number) < late, generator.uniform(0, 20, number), 0)
    kinds = generator.choice(KINDS, number)
    rows = pl.DataFrame(
        {
            "event_id": [f"{first}-{place}-{generator.integers(1 << 60)}" for place in range(number)],
            "user_id": pl.Series(generator.integers(0, 5, number)).cast(pl.String),
            "item_id": pl.Series(generator.integers(0, 6, number)).cast(pl.String),
            "event_type": kinds,
            "value": pl.Series(generator.uniform(1, 5, number)).set(pl.Series(kinds == "click"), None),
            "event_time": _moments(days),
            "known_at": _moments(known),
        }
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(EVENTS.schema.names())


def write_log(root: Path, events: pl.DataFrame, *, files: int = 3, reader: float = 1.0) -> None:
    """The tables `events`, in so many files, and `review_sentiment`, by a reader of whom the sentiment depends."""
    in_order = events.sort("event_time", "event_id")
    with Workspace(root).write("events") as writer:
        for place, part in enumerate(in_order.iter_slices(-(-in_order.height // files))):
            writer.write(part, EVENTS, file=f"event_month=2025-01/part-{place:05d}.parquet")
        writer.commit()
    read = in_order.filter(pl.col("event_type") == "review").with_columns(
        ((pl.col("value") - 3) / 2 * reader).alias("sentiment"), pl.lit(3, pl.Int8).alias("likely_stars")
    )
    with Workspace(root).write("review_sentiment") as writer:
        writer.write(read.select(REVIEW_SENTIMENT.schema.names()), REVIEW_SENTIMENT)
        writer.commit()


def night(root: Path, day: float, **sections: object) -> TableReader:
    return run_stage(STAGE, root, date=START + timedelta(days=day), **sections)


def counted_whole(root: Path, day: float) -> Manifest:
    """What a night makes that has no earlier build."""
    shutil.rmtree(Workspace(root).table(STAGE.writes))
    return night(root, day).manifest


def _moments(days: np.ndarray) -> pl.Series:
    micros = (days * 86_400e6).astype(np.int64) + int(START.timestamp()) * 1_000_000
    return pl.Series(micros).cast(UTC_TIME)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    nights=st.lists(st.sampled_from(["day", "late", "erased", "aged", "read anew", "before"]), min_size=1, max_size=3),
)
def test_days_that_are_carried_over_are_those_that_counting_all_of_them_makes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, nights: list[str]
) -> None:
    generator, root = np.random.default_rng(seed), tmp_path_factory.mktemp("shop")
    end, reader = float(generator.uniform(100, 130)), 1.0
    log = events_of(generator, 200, 0, end)
    write_log(root, log)
    night(root, end)
    for comes in nights:
        since = generator.uniform(0, end)
        if comes == "day":
            log, end = pl.concat([log, events_of(generator, 10, end, end + 3)]), end + 3
        elif comes == "late":
            log = pl.concat([log, events_of(generator, 5, since, end, late=0.5)])
        elif comes == "erased":
            log = log.filter((pl.col("user_id") != "3") | (pl.col("event_time") < START + timedelta(days=since)))
        elif comes == "aged":
            log = log.filter(pl.col("event_time") >= START + timedelta(days=generator.uniform(0, 20)))
        elif comes == "read anew":
            reader = 0.5
        else:
            end -= generator.uniform(0, 20)
        write_log(root, log, files=int(generator.integers(1, 9)), reader=reader)
        carried = night(root, end).manifest
    whole = counted_whole(root, end)
    assert carried.content_digest == whole.content_digest
    assert carried.facts["rows"] == whole.facts["rows"] > 0


def files_of(table: TableReader) -> dict[str, int]:
    """Files with rows -> where their bytes lie on the disk."""
    return {file: table.path(file).stat().st_ino for file in table.files()}


@pytest.fixture
def log() -> pl.DataFrame:
    """Events of 10 January to 9 May; the ranker's window begins in April."""
    return events_of(np.random.default_rng(0), 300, 0, 120, late=0)


def test_a_new_day_is_counted_alone_and_whole_months_before_it_are_the_same_files(tmp_path: Path, log: pl.DataFrame) -> None:
    write_log(tmp_path, log)
    first = night(tmp_path, 120)
    assert first.manifest.facts["days"] == {"made": 30 + 9, "kept": 0}  # of April, and of May to the 9th
    held = files_of(first)
    write_log(tmp_path, pl.concat([log, events_of(np.random.default_rng(1), 5, 120, 121, late=0)]))
    second = night(tmp_path, 121)
    assert second.manifest.facts["days"] == {"made": 1, "kept": 39}
    april = "event_month=2025-04/part-0000.parquet"
    assert files_of(second)[april] == held[april]
    assert second.manifest.files[april] == first.manifest.files[april]


def test_a_late_event_is_counted_from_the_day_on_which_it_is_known(tmp_path: Path, log: pl.DataFrame) -> None:
    write_log(tmp_path, log)
    night(tmp_path, 120)
    late = events_of(np.random.default_rng(1), 1, 90, 91, late=0).with_columns(
        known_at=pl.lit(START + timedelta(days=112.5)).cast(UTC_TIME)
    )
    write_log(tmp_path, pl.concat([log, late]))
    assert night(tmp_path, 120).manifest.facts["days"] == {"made": 7, "kept": 32}  # from 3 May on


def test_a_log_that_lies_in_other_files_has_no_new_day(tmp_path: Path, log: pl.DataFrame) -> None:
    write_log(tmp_path, log, files=4)
    first = night(tmp_path, 120)
    write_log(tmp_path, log, files=1)
    second = night(tmp_path, 120)
    assert second.manifest.facts["days"] == {"made": 0, "kept": 39}
    assert second.scan(ITEM_FEATURES).collect().equals(first.scan(ITEM_FEATURES).collect())


@pytest.mark.parametrize("change", ["config", "a file that is gone", "a file of another length", "a file with another byte"])
def test_nothing_is_carried_over_from_a_build_that_is_not_whole_or_was_made_otherwise(
    tmp_path: Path, log: pl.DataFrame, change: str
) -> None:
    write_log(tmp_path, log)
    first = night(tmp_path, 120)
    path = first.path(first.files()[0])
    if change == "a file that is gone":
        path.unlink()
    elif change == "a file of another length":
        path.write_bytes(path.read_bytes()[:-1])
    elif change == "a file with another byte":
        path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    sections = {"relevance": {"events": ["purchase"]}} if change == "config" else {}
    assert night(tmp_path, 120, **sections).manifest.facts["days"]["kept"] == 0


def test_nothing_is_carried_over_where_the_stage_is_asked_for_by_name(tmp_path: Path, log: pl.DataFrame) -> None:
    write_log(tmp_path, log)
    night(tmp_path, 120)
    context = context_of(STAGE, tmp_path, date=START + timedelta(days=120))
    STAGE.run(replace(context, forced=True))
    assert context.workspace.read(STAGE.writes).manifest.facts["days"]["kept"] == 0


def test_each_month_begins_with_a_row_of_every_item_that_is_known_by_then(tmp_path: Path, log: pl.DataFrame) -> None:
    write_log(tmp_path, log)
    rows = night(tmp_path, 120).scan(ITEM_FEATURES).collect()
    for month in (4, 5):
        begin = datetime(2025, month, 1, tzinfo=UTC)
        known = log.filter(pl.col("event_time") < begin)["item_id"].unique().sort()
        assert rows.filter(pl.col("event_time") == begin)["item_id"].sort().equals(known)

"""Count what is known of items, day by day from the ranker's window on; days that nothing has changed are carried over."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.day_digests import day_digests, first_difference, read_digests, write_digests
from feature_store.disk import writing_to
from feature_store.features.item_features import (
    Standing,
    bytes_per_event,
    changing_events,
    item_features,
    named_alone,
    needed_events,
)
from feature_store.layout import TableReader, TableWriter
from feature_store.months import FOLDER, first_day_from, month_folder, month_of, start_of_month, starts_of_months
from feature_store.part_files import write_months
from feature_store.schema import EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT
from pipelines.inputs import resolve_cuts
from pipelines.scale.made_parts import made_in_parts
from pipelines.stage import Stage, StageContext


@dataclass(frozen=True, kw_only=True)
class Days:
    """Which days are counted, and which are carried over from the last build."""

    first: datetime
    """Start of the first month of the table."""
    start: datetime
    """Start of the first day that is counted."""
    before: datetime
    """No day begins at or after it."""
    last: TableReader | None
    """The build that holds the days before `start`; None where all are counted."""

    @property
    def standing(self) -> Standing | None:
        """What counting goes on from."""
        if self.last is None:
            return None
        rows = self.last.scan(ITEM_FEATURES, prefix=month_folder(self.start - timedelta(days=1)))
        return Standing(rows=rows.filter(pl.col("event_time") < self.start), until=self.start)

    def carry_over(self, writer: TableWriter) -> None:
        """Bring in the files of the last build whose months stay as they are."""
        if self.last is not None:
            for file in self.last.files():
                if self.first <= month_of(file) < start_of_month(self.start):
                    writer.keep(self.last, file)

    @property
    def months(self) -> list[datetime]:
        """Starts of the months that are written."""
        return starts_of_months(start_of_month(self.start), self.before)

    @property
    def facts(self) -> dict[str, Any]:
        """How many days there are of either kind, and what the next night needs to know."""
        end = first_day_from(self.before)
        counts = {"made": max((end - self.start).days, 0), "kept": (min(self.start, end) - self.first).days}
        return {"days": counts, "since": self.first.isoformat(), "before": self.before.isoformat()}


def choose_days(last: TableReader | None, digests: pl.DataFrame, *, since: datetime, before: datetime) -> Days:
    """All days, or those that are new or may have changed since the last build.

    Args:
        last: What the same code and config have made before, if anything.
        digests: Of what is counted now; see `feature_store.day_digests`.
        since: Moments from here on will be asked about.
        before: The night's date.
    """
    first = start_of_month(since)
    if last is not None and datetime.fromisoformat(last.manifest.facts["since"]) <= first:
        ended = first_day_from(min(before, datetime.fromisoformat(last.manifest.facts["before"])))
        changed = first_difference(read_digests(last), digests)
        start = ended if changed is None else min(ended, changed)
        before_it = start_of_month(start - timedelta(days=1))
        if before_it >= first and last.files(prefix=month_folder(before_it)):
            return Days(first=first, start=start, before=before, last=last)
    return Days(first=first, start=first, before=before, last=None)


def run(context: StageContext) -> None:
    """Write the table `item_features`, some items at a time; see `item_features`."""
    log, reviews, last = context.read("events"), context.read("review_sentiment"), context.last_build()
    since, before = resolve_cuts(context.config, log, date=context.date).ranker, context.date
    known = read_digests(last)
    parts_of_log = (day_digests(log, EVENTS, needed_events, known=known), day_digests(reviews, REVIEW_SENTIMENT, _needed, known=known))
    digests = pl.concat(parts_of_log)
    days = choose_days(last, digests, since=since, before=before)
    standing = days.standing
    events = [needed_events(file) for file in log.scan_files(EVENTS)]
    if standing is not None:
        changing = (changing_events(file, start=days.start, before=before) for file in events)
        events = [*_on_disk(changing, context.scratch / "changing"), named_alone(standing.rows)]
    relevance = context.config.relevance
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    sentiment = reviews.scan(REVIEW_SENTIMENT)
    make = partial(item_features, wanted=wanted, since=since, before=before, sentiment=sentiment, standing=standing)
    with context.workspace.write(context.stage.writes) as writer:
        days.carry_over(writer)
        row_bytes = bytes_per_event(events, since=days.start, before=before)
        parts = made_in_parts(make, events, "item_id", row_bytes=row_bytes, context=context)
        write_months(writer, parts, ITEM_FEATURES, months=days.months, memory=context.memory)
        write_digests(writer, digests)
        context.commit(writer, facts=_counted(writer) | days.facts | {"recipe": context.recipe})


def _on_disk(files: Iterable[pl.LazyFrame], folder: Path) -> list[pl.LazyFrame]:
    """What is left of files of which little is left, so that the others are opened once; one of them is in memory."""
    shutil.rmtree(folder, ignore_errors=True)  # of a night that was killed
    folder.mkdir()
    found = []
    for number, file in enumerate(files):
        rows = file.collect()
        if rows.height:
            path = folder / f"{number:05d}.arrow"
            with writing_to(folder):
                rows.write_ipc(path, compression="lz4")
            found.append(pl.scan_ipc(path, glob=False))
    return found


def _needed(reviews: pl.LazyFrame) -> pl.LazyFrame:
    return reviews.select("item_id", "event_time", "known_at", "sentiment")


def _counted(writer: TableWriter) -> dict[str, int]:
    """Rows, and items: all of them have one in the newest month."""
    months = sorted(writer.folder.glob(f"{FOLDER}*"))
    if not months:
        return {"rows": 0, "items": 0}
    rows = pl.scan_parquet(sorted(writer.folder.rglob("*.parquet")), glob=False, hive_partitioning=False).select(pl.len())
    newest = pl.scan_parquet(sorted(months[-1].glob("*.parquet")), glob=False, hive_partitioning=False)
    items = newest.select(pl.col("item_id").n_unique())
    return {"rows": rows.collect().item(), "items": items.collect(engine="streaming").item()}


STAGE = Stage(
    name="compute_item_features",
    reads=("events", "review_sentiment"),
    writes="item_features",
    config=("relevance", "cuts"),
    sees={FOLDER: "date"},
    run=run,
)

"""Events that nobody caused, for benchmarks: as a source delivers them, or as the table `events`; and how much memory it took."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS, UTC_TIME

ITEMS, DAYS = 100_000, 730
START = datetime(2023, 1, 1, tzinfo=UTC)
EVENTS_PER_USER = 50
"""Mean, of the log; a few users have many more."""
SHOWN, SLATE = 0.3, 5
"""Share of the log that are impressions, and how many of them stand in a slate."""
LATE = 0.02
"""Share of the log that becomes known up to three days later."""
MONTHS = 24
ROWS_IN_FILE = 235_000
"""As the log has them: files of about 64 MiB in memory."""


def made_up_events(generator: np.random.Generator, days: npt.NDArray[np.float64], *, users: int) -> pl.DataFrame:
    """Clicks, carts and purchases as a shop would deliver them, one per moment.

    Args:
        generator: Of user, item, type and value.
        days: When, in days since START.
        users: All are equally busy.
    """
    rows = len(days)
    return pl.DataFrame(
        {
            "user_id": pl.Series(generator.integers(0, users, rows)).cast(pl.String),
            "item_id": pl.Series(generator.integers(0, ITEMS, rows)).cast(pl.String),
            "event_type": pl.Series(generator.choice(["click", "cart", "purchase"], rows)),
            "value": generator.uniform(1, 100, rows).round(2),
            "event_time": _moments(days),
        }
    )


def write_log(workspace: Workspace, rows: int, *, seed: int = 0) -> None:
    """The tables `events` and `catalogue` of a workspace: users of all degrees of activity, slates, and news that comes late.

    Args:
        workspace: Empty.
        rows: About how many events; there is a user to every EVENTS_PER_USER of them.
        seed: Of everything.
    """
    generator = np.random.default_rng(seed)
    with workspace.write("events") as writer:
        written, last = 0, START
        for month, frame in enumerate(months_of_events(generator, rows)):
            for start in range(0, frame.height, ROWS_IN_FILE):
                file = f"event_month={month:02d}/part-{start // ROWS_IN_FILE:05d}.parquet"
                writer.write(frame.slice(start, ROWS_IN_FILE), EVENTS, file=file)
            written, last = written + frame.height, frame["event_time"][-1]
        writer.commit(facts={"rows": written, "first": START.isoformat(), "last": last.isoformat()})
    with workspace.write("catalogue") as writer:
        writer.write(made_up_catalogue(generator), CATALOGUE)
        writer.commit()


def months_of_events(generator: np.random.Generator, rows: int) -> Iterator[pl.DataFrame]:
    """Rows of the table `events`, about so many in all, a month of them at a time; see `write_log`."""
    users = max(1, rows // EVENTS_PER_USER)
    for month in range(MONTHS):
        number = month * (rows // MONTHS)
        yield _month(generator, rows // MONTHS, users=users, begin=month * DAYS / MONTHS, number=number)


def made_up_catalogue(generator: np.random.Generator) -> pl.DataFrame:
    """Rows of the table `catalogue`: ITEMS with a category and a price, without words or photos."""
    items = pl.DataFrame({"item_id": [str(item) for item in range(ITEMS)], "in_stock": True, "price": generator.uniform(1, 100, ITEMS)})
    categories = pl.Series([[f"category {item % 50}"] for item in range(ITEMS)], dtype=pl.List(pl.String))
    items = items.with_columns(category=categories, attributes=pl.lit([], CATALOGUE.schema["attributes"]))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in CATALOGUE.schema.items() if name not in items.columns]
    return items.with_columns(missing).select(CATALOGUE.schema.names())


def _month(generator: np.random.Generator, rows: int, *, users: int, begin: float, number: int) -> pl.DataFrame:
    """Rows of the table `events`, in order of time."""
    slates = int(rows * SHOWN) // SLATE
    acts = rows - slates * SLATE
    who = (users * generator.random(acts + slates) ** 1.5).astype(np.int64)  # the lower the number, the busier
    when = begin + generator.uniform(0, DAYS / MONTHS, acts + slates)
    shown = np.repeat(np.arange(acts, acts + slates), SLATE)
    source = np.r_[np.arange(acts), shown]  # the act or slate that each event belongs to
    order = np.argsort(when[source], kind="stable")
    impression = (source >= acts)[order]
    kinds = np.where(impression, "impression", generator.choice(["click", "cart", "purchase"], rows, p=[0.6, 0.25, 0.15]))
    moments = _moments(when[source][order])
    late = np.where(generator.random(rows) < LATE, generator.uniform(0, 3 * 86_400e6, rows), 0).astype(np.int64)
    frame = pl.DataFrame(
        {
            "event_id": pl.Series(np.arange(number, number + rows)).cast(pl.String).str.zfill(12),
            "user_id": pl.Series(who[source][order]).cast(pl.String).str.zfill(9),
            "item_id": pl.Series(generator.integers(0, ITEMS, rows)).cast(pl.String),
            "event_type": pl.Series(kinds),
            "value": pl.Series(generator.uniform(1, 100, rows).round(2)),
            "event_time": moments,
            "known_at": moments + pl.Series(late).cast(pl.Duration("us")),
            "position": pl.Series(np.r_[np.zeros(acts), np.tile(np.arange(1, SLATE + 1), slates)][order]).cast(pl.Int32),
            "request_id": pl.Series(source[order] + number).cast(pl.String),
        }
    )
    is_shown = pl.col("event_type") == "impression"
    frame = frame.with_columns(
        pl.when(pl.col("event_type") == "purchase").then("value"),
        pl.when(is_shown).then("position"),
        pl.when(is_shown).then("request_id"),
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(EVENTS.schema.names())


def _moments(days: npt.NDArray[np.float64]) -> pl.Series:
    micros = (days * 86_400e6).astype(np.int64) + int(START.timestamp()) * 1_000_000
    return pl.Series(micros).cast(UTC_TIME)


def peak_mib() -> float:
    """Of this process alone: what `getrusage` tells may be that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

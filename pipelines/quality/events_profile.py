"""The newest days of the log held against the days before them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from feature_store.schema import EVENTS
from pipelines.quality.config import ProfileConfig
from pipelines.quality.measures import Measure, fold, judge, ks, psi

LEVELS = 20
"""Most levels of a column that are told apart; the rest is one."""
REST = "others"
DISTINCT = 100
"""With fewer users, or items, in a day their number is described and not judged."""
QUIET = 0.1
"""Share of the days of the reference that may have been quieter: less than one day a week, so days off count and lost ones do not."""
BEGUN = 0.1
"""Share of an average day's events from which on a day belongs to the log and is no stray row."""
SAMPLE = 100_000
"""Most numbers of a window that are compared."""
LEVELLED: Mapping[str, pl.Expr] = {
    "event type": pl.col("event_type"),
    "surface": pl.col("surface"),
    "category": pl.col("category"),
    "hour (UTC)": (pl.col("event_time").dt.hour() // 3 * 3).cast(pl.String).str.zfill(2),
}
OPTIONAL = tuple(column.name for column in EVENTS.columns if column.nullable)


@dataclass(frozen=True)
class Windows:
    """[reference, newest) is held against [newest, end)."""

    reference: datetime
    newest: datetime
    end: datetime

    @property
    def days_before(self) -> float:
        """Length of the reference."""
        return (self.newest - self.reference) / timedelta(days=1)

    @property
    def days_now(self) -> float:
        """Length of the newest window."""
        return (self.end - self.newest) / timedelta(days=1)


@dataclass(frozen=True)
class EventsProfile:
    """What there is and how it has changed."""

    daily: Mapping[str, Mapping[date, int]]
    """Event type -> day (UTC) -> events, a day without any too."""
    shares: Mapping[str, Mapping[str, tuple[float, float]]]
    """Column -> level -> its share before and now; the most frequent first."""
    measures: tuple[Measure, ...]


def windows_of(events: pl.LazyFrame, *, end: datetime, config: ProfileConfig) -> Windows:
    """The two windows; the reference begins no earlier than the log is really there.

    That is with the first event of the first day (UTC) that has at least BEGUN of the events of an average day, among those that have any:
    days before a young log do not count as empty ones, nor do those behind a stray row with the date of a wrong clock. Days are looked at
    from one newest window before the reference on, so a log that has been there keeps its whole reference if that begins on a day off.

    Args:
        events: Rows of the table `events` that are known by the end of the windows.
        end: Of the newest window.
        config: How long both are.
    """
    length = timedelta(days=config.window_days)
    newest = end - length
    earliest = newest - timedelta(days=config.reference_days)
    days = (
        events.filter(pl.col("event_time") >= earliest - length, pl.col("event_time") < newest)
        .group_by(pl.col("event_time").dt.date().alias("day"))
        .agg(events=pl.len(), first=pl.col("event_time").min())
    )
    begun = days.filter(pl.col("events") >= BEGUN * pl.col("events").mean()).select(pl.col("first").min()).collect().item()
    return Windows(max(earliest, begun or newest), newest, end)


def profile_events(events: pl.LazyFrame, catalogue: pl.LazyFrame, windows: Windows, config: ProfileConfig) -> EventsProfile:
    """Volumes, lacking values, cardinalities and drift.

    Args:
        events: Rows of the table `events` that are known by the end of the windows.
        catalogue: Rows of the table `catalogue`.
        windows: Which days.
        config: Limits.
    """
    items = catalogue.select("item_id", "price", pl.col("category").list.first())
    rows = (
        events.filter(pl.col("event_time") >= windows.reference, pl.col("event_time") < windows.end)
        .join(items, on="item_id", how="left", maintain_order="left")  # numbers are sampled by their place
        .with_columns(now=pl.col("event_time") >= windows.newest)
    )
    lacking = [pl.col(name).is_null().mean().alias(name) for name in OPTIONAL]
    types = rows.group_by("event_type", "now").agg(pl.len().alias("events"), *lacking)
    daily = rows.group_by(pl.col("event_time").dt.date().alias("day"), "event_type").agg(pl.len().alias("events"))
    people = rows.group_by("now", pl.col("event_time").dt.date().alias("day")).agg(
        users=pl.col("user_id").n_unique(), items=pl.col("item_id").n_unique()
    )
    levels = [rows.group_by(level.fill_null("none").alias("level"), "now").agg(pl.len().alias("events")) for level in LEVELLED.values()]
    found_types, found_daily, found_people, *found_levels = pl.collect_all([types, daily, people, *levels])
    counts = {name: _pair(part, "events") for (name,), part in found_types.sort("event_type").group_by("event_type", maintain_order=True)}
    by_day = _by_day(found_daily, windows)
    shares = {name: _top(frame) for name, frame in zip(LEVELLED, found_levels, strict=True)}
    comparable = windows.days_before >= 1 and sum(before for before, _ in counts.values()) >= config.min_rows
    measures = [
        *_volumes(counts, windows, config, comparable=comparable),
        *_quietest_days(by_day, windows, config),
        *_cardinalities(found_people, config, comparable=comparable),
        *_lacking(found_types, counts, config),
        *(_levels(name, pairs, config) for name, pairs in shares.items()),
        *_numbers(rows, counts, config),
    ]
    return EventsProfile(
        daily=by_day,
        shares={name: _as_shares(pairs) for name, pairs in shares.items()},
        measures=tuple(measures),
    )


def _volumes(counts: Mapping[str, tuple[int, int]], windows: Windows, config: ProfileConfig, *, comparable: bool) -> Iterator[Measure]:
    days = {"days_before": windows.days_before, "days_now": windows.days_now}
    for name, (before, now) in counts.items():
        value = fold(before, now, **days) if comparable else 1.0
        enough = comparable and max(before, now) >= config.min_rows
        per_day = [f"{count / length:,.0f} a day" if length else "none" for count, length in zip((before, now), days.values(), strict=True)]
        yield judge(f"{name} events", "volume", value, before=per_day[0], now=per_day[1], enough=enough, config=config)


def _quietest_days(by_day: Mapping[str, Mapping[date, int]], windows: Windows, config: ProfileConfig) -> Iterator[Measure]:
    """A day that lacks its events vanishes in the mean of a window; shops that rest on Sundays have such days in both windows."""
    for name, events in by_day.items():
        usual = sorted(events[day] for day in _days(windows.reference, windows.newest, whole=True))
        before = usual[int(QUIET * len(usual))] if usual else 0
        now = min((events[day] for day in _days(windows.newest, windows.end, whole=True)), default=0)
        value = fold(before, now, days_before=1, days_now=1) if now < before else 1.0
        enough = windows.days_before >= windows.days_now and before >= DISTINCT
        yield judge(f"{name} events, quietest day", "volume", value, before=f"{before:,}", now=f"{now:,}", enough=enough, config=config)


def _cardinalities(people: pl.DataFrame, config: ProfileConfig, *, comparable: bool) -> Iterator[Measure]:
    for name in ("users", "items"):
        before, now = (people.filter(pl.col("now") == now).select(pl.col(name).median().fill_null(0)).item() for now in (False, True))
        value = fold(before, now, days_before=1, days_now=1)
        told = {"before": f"{before:,.0f} a day", "now": f"{now:,.0f} a day"}
        enough = comparable and max(before, now) >= DISTINCT
        yield judge(f"{name} with events", "volume", value, **told, enough=enough, config=config)


def _lacking(types: pl.DataFrame, counts: Mapping[str, tuple[int, int]], config: ProfileConfig) -> Iterator[Measure]:
    for name, pair in counts.items():
        both = types.filter(pl.col("event_type") == name)
        for column in OPTIONAL:
            before, now = (float(both.filter(pl.col("now") == now)[column].sum()) for now in (False, True))
            if min(pair) and min(before, now) < 1:  # a column that this type never has says nothing
                told = {"before": f"{before:.1%}", "now": f"{now:.1%}"}
                enough = _enough(pair, config)
                yield judge(f"{name} events without {column}", "nulls", abs(now - before), **told, enough=enough, config=config)


def _levels(name: str, pairs: Mapping[str, tuple[int, int]], config: ProfileConfig) -> Measure:
    before, now = ({level: pair[place] for level, pair in pairs.items()} for place in (0, 1))
    told = [max(counts, key=lambda level: counts[level]) if any(counts.values()) else "none" for counts in (before, now)]
    enough = _enough((sum(before.values()), sum(now.values())), config)
    return judge(name, "psi", psi(before, now), before=f"mostly {told[0]}", now=f"mostly {told[1]}", enough=enough, config=config)


def _numbers(rows: pl.LazyFrame, counts: Mapping[str, tuple[int, int]], config: ProfileConfig) -> Iterator[Measure]:
    wanted = {f"value of {name} events": ("value", pl.col("event_type") == name) for name in counts}
    wanted["price of items acted on"] = ("price", pl.col("event_type") != "impression")
    named = {
        (what, now): rows.filter(which, pl.col("now") == now, pl.col(column).is_not_null()).select(column)
        for what, (column, which) in wanted.items()
        for now in (False, True)
    }
    found = dict(zip(named, (frame.to_series().to_numpy() for frame in pl.collect_all(list(named.values()))), strict=True))
    for what in wanted:
        before, now = (values[:: max(1, len(values) // SAMPLE)] for values in (found[what, False], found[what, True]))
        if len(before) or len(now):
            enough = _enough((len(before), len(now)), config)
            yield judge(what, "ks", ks(before, now), before=_spread(before), now=_spread(now), enough=enough, config=config)


def _by_day(daily: pl.DataFrame, windows: Windows) -> dict[str, dict[date, int]]:
    found = {(name, day): events for name, day, events in daily.select("event_type", "day", "events").iter_rows()}
    names = sorted({name for name, _ in found})
    return {name: {day: found.get((name, day), 0) for day in _days(windows.reference, windows.end, whole=False)} for name in names}


def _days(start: datetime, end: datetime, *, whole: bool) -> list[date]:
    """Days (UTC) that lie between two moments, or of which any part does."""
    begins = [datetime.combine(start, time.min, start.tzinfo) + timedelta(days=number) for number in range((end - start).days + 2)]
    if whole:
        return [begin.date() for begin in begins if begin >= start and begin + timedelta(days=1) <= end]
    return [begin.date() for begin in begins if begin < end]


def _enough(pair: tuple[int, int], config: ProfileConfig) -> bool:
    return min(pair) >= config.min_rows


def _pair(part: pl.DataFrame, column: str) -> tuple[int, int]:
    return int(part.filter(~pl.col("now"))[column].sum()), int(part.filter("now")[column].sum())


def _top(frame: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Level -> count before and now, the most frequent first, all beyond LEVELS under REST."""
    order = frame.group_by("level").agg(pl.col("events").sum()).sort("events", "level", descending=[True, False])["level"].to_list()
    names = {level: level if place < LEVELS else REST for place, level in enumerate(order)}
    merged = frame.with_columns(level=pl.col("level").replace_strict(names, return_dtype=pl.String))
    return {name: _pair(merged.filter(pl.col("level") == name), "events") for name in dict.fromkeys(names.values())}


def _as_shares(pairs: Mapping[str, tuple[int, int]]) -> dict[str, tuple[float, float]]:
    whole = [max(1, sum(pair[place] for pair in pairs.values())) for place in (0, 1)]
    return {level: (before / whole[0], now / whole[1]) for level, (before, now) in pairs.items()}


def _spread(values: np.ndarray) -> str:
    """Its 10th, 50th and 90th percentile."""
    return " · ".join(f"{value:.4g}" for value in np.quantile(values, (0.1, 0.5, 0.9))) if len(values) else "none"

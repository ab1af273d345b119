"""Raw rows behind some sampled answers: the log as it was known then, what was posted, the catalogue of the release."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import EVENTS
from feature_store.served_samples import ServedSample
from pipelines.parity import reference
from pipelines.parity.reference import RawEvent, RawItem, last_midnight, said, wanted_within
from recsys.data.interactions import microseconds
from recsys.data.ranking_items import RankingItems
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class RawLog:
    """Events of the log, in its order."""

    of_users: Mapping[str, Sequence[RawEvent]]
    """Behaviour that had happened, and was known, before the snapshot."""
    first: Mapping[str, int]
    """Item -> time of the first event on it of any type; of what had happened, and was known, before the last start of a day before the
    release."""
    wanted: Mapping[str, Mapping[str, int]]
    """Item -> how many of the same said that it was wanted; see `reference.wanted_within`."""


def read_log(log: TableReader, release: Release, samples: Sequence[ServedSample], *, snapshot: datetime) -> RawLog:
    """Events of the users of some samples, and on their candidates."""
    of_users: dict[str, list[RawEvent]] = {sample.user_id: [] for sample in samples}
    first: dict[str, int] = {}
    times = {item_id: array("q") for sample in samples for item_id in sample.item_ids}
    midnight = last_midnight(microseconds(datetime.fromisoformat(release.description["date"])))
    stars, ignored = release.relevance.positive_rating, release.relevance.ignored
    acts = {"liked" if name in ("rating", "review") else name for name in release.relevance.events}
    for file in log.scan_files(EVENTS):
        rows = file.select("user_id", "item_id", "event_type", "value", pl.col("event_time", "known_at").dt.epoch("us"))
        theirs = rows.filter(_among("user_id", of_users), pl.col("event_type") != "impression", _before(microseconds(snapshot)))
        for user_id, *rest in theirs.collect().iter_rows():
            of_users[user_id].append(RawEvent(*rest))
        on_items = rows.filter(_among("item_id", times), _before(midnight)).select("item_id", "event_type", "value", "event_time").collect()
        for item_id, time in on_items.group_by("item_id").agg(pl.col("event_time").min()).iter_rows():
            first[item_id] = min(time, first.get(item_id, time))
        for item_id, event_type, value, time in on_items.filter(pl.col("event_type") != "impression").iter_rows():
            if event_type not in ignored and said(event_type, value, positive_rating=stars) in acts:
                times[item_id].append(time)
    return RawLog(of_users, first, {item_id: wanted_within(found, midnight=midnight) for item_id, found in times.items()})


def read_items(release: Release, log: RawLog, item_ids: Collection[str]) -> dict[str, RawItem]:
    """Items of a release, by id; those that are asked for and that it has."""
    columns = ("item_id", "category", "price", pl.col("available_from").dt.epoch("us"))
    rows = release.catalogue.select(*columns).with_row_index().filter(_among("item_id", item_ids))
    return {
        item_id: RawItem(
            price=price,
            category=next((name for name in categories if name is not None), None),
            available_from=available_from,
            first_event=log.first.get(item_id),
            wanted=log.wanted.get(item_id, {}),
            vectors={
                name: vectors[row] if release.ranking_items.presence[name][row] else None
                for name, vectors in release.ranking_items.vectors.items()
            },
            taken=_taken(release.ranking_items, row),
        )
        for row, item_id, categories, price, available_from in rows.iter_rows()
    }


def counted_names() -> tuple[str, ...]:
    """Features that the reference counts from events on items."""
    windows = [f"wanted_{name}" for name in reference.WINDOWS]
    return (*windows, "wanted_30d_z", "wanted_all_z", "item_age", "no_item_age")


def taken_names(release: Release) -> tuple[str, ...]:
    """Features that the reference takes from the release."""
    return ("click_rate", "mean_rating", *release.ranking_items.further)


def _taken(items: RankingItems, row: int) -> dict[str, float | None]:
    values = {"click_rate": items.click_rate[row], "mean_rating": items.mean_rating[row]}
    values |= {name: column[row] for name, column in items.further.items()}
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}


def _before(moment: int) -> pl.Expr:
    return (pl.col("event_time") < moment) & (pl.col("known_at") < moment)


def _among(column: str, values: Collection[str]) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(sorted(values), dtype=pl.String).implode())

"""Raw rows behind some sampled answers: the log as it was known then, what was posted, the catalogue of the release."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import EVENTS
from feature_store.served_samples import ServedSample
from pipelines.parity import reference
from pipelines.parity.reference import RawEvent, RawItem, last_midnight
from recsys.data.interactions import microseconds
from recsys.data.ranking_items import RankingItems
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class RawLog:
    """Events of the log, in its order."""

    of_users: Mapping[str, Sequence[RawEvent]]
    """What had happened, and was known, before the snapshot."""
    on_items: Mapping[str, Sequence[RawEvent]]
    """The same before the last start of a day before the release."""


def read_log(log: TableReader, release: Release, samples: Sequence[ServedSample], *, snapshot: datetime) -> RawLog:
    """Events of the users of some samples, and on their candidates."""
    users = {sample.user_id for sample in samples}
    items = {item_id for sample in samples for item_id in sample.item_ids}
    of_users: dict[str, list[RawEvent]] = {user: [] for user in users}
    on_items: dict[str, list[RawEvent]] = {item: [] for item in items}
    midnight = last_midnight(microseconds(datetime.fromisoformat(release.description["date"])))
    for file in log.scan_files(EVENTS):
        asked = file.filter(_among("user_id", users) | _among("item_id", items))
        columns = ("user_id", "item_id", "event_type", "value", pl.col("event_time", "known_at").dt.epoch("us"))
        for user_id, *rest in asked.select(*columns).collect().iter_rows():
            event = RawEvent(*rest)
            known = max(event.event_time, event.known_at)
            if user_id in users and known < microseconds(snapshot):
                of_users[user_id].append(event)
            if event.item_id in items and known < midnight:
                on_items[event.item_id].append(event)
    return RawLog(of_users, on_items)


def read_items(release: Release, log: RawLog, item_ids: Collection[str]) -> dict[str, RawItem]:
    """Items of a release, by id; those that are asked for and that it has."""
    columns = ("item_id", "category", "price", pl.col("available_from").dt.epoch("us"))
    rows = release.catalogue.select(*columns).with_row_index().filter(_among("item_id", item_ids))
    return {
        item_id: RawItem(
            price=price,
            category=next((name for name in categories if name is not None), None),
            available_from=available_from,
            events=log.on_items.get(item_id, ()),
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


def _among(column: str, values: Collection[str]) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(sorted(values), dtype=pl.String).implode())

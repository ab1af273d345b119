"""Raw rows behind some sampled answers: the log as it was known then, and the catalogue of the release."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from feature_store.layout import TableReader
from feature_store.schema import EVENTS, USERS
from pipelines.parity.counting import DAY, PRIOR_RATINGS, RATE_DAYS, Acts, Prior, Priors, last_midnight, strength_of_rate
from pipelines.parity.reference import RawEvent, RawItem, said
from recsys.data.interactions import microseconds
from recsys.data.relevance import Relevance
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class RawLog:
    """Events of the log, in its order."""

    of_users: Mapping[str, Sequence[RawEvent]]
    """Behaviour that had happened, and was known, before the snapshot."""
    of_items: Mapping[str, Acts]
    """Candidate -> what had happened, and was known, before the last start of a day before the release."""


def read_log(
    log: TableReader, relevance: Relevance, *, users: Iterable[str], item_ids: Iterable[str], snapshot: datetime, moment: int
) -> RawLog:
    """Events of some users, and on some items.

    Args:
        log: One file of it at a time is in memory, and of that what is asked for.
        relevance: Which events say that an item was wanted.
        users: Of the samples.
        item_ids: Candidates.
        snapshot: As of when users are known.
        moment: As of when items are, see `moment_of`.
    """
    of_users: dict[str, list[RawEvent]] = {user_id: [] for user_id in users}
    of_items = {item_id: Acts() for item_id in item_ids}
    midnight = last_midnight(moment)
    stars, ignored = relevance.positive_rating, relevance.ignored
    wanted = {"liked" if name in ("rating", "review") else name for name in relevance.events}
    counted = (pl.col("event_type") != "impression") | (pl.col("event_time") >= midnight - RATE_DAYS * DAY)
    for file in log.scan_files(EVENTS):
        rows = file.select("user_id", "item_id", "event_type", "value", pl.col("event_time", "known_at").dt.epoch("us"))
        theirs = rows.filter(_among("user_id", of_users), pl.col("event_type") != "impression", _before(microseconds(snapshot)))
        for user_id, *rest in theirs.collect().iter_rows():
            of_users[user_id].append(RawEvent(*rest))
        on_items = (
            rows.filter(_among("item_id", of_items), _before(midnight)).select("item_id", "event_type", "value", "event_time").collect()
        )
        for item_id, time in on_items.group_by("item_id").agg(pl.col("event_time").min()).iter_rows():
            met = of_items[item_id].first
            of_items[item_id].first = time if met is None else min(time, met)
        for item_id, event_type, value, time in on_items.filter(counted).iter_rows():
            asked_for = event_type not in ignored and said(event_type, value, positive_rating=stars) in wanted
            of_items[item_id].add(event_type, value, time, wanted=asked_for, midnight=midnight)
    return RawLog(of_users, of_items)


def read_said(users: TableReader, user_ids: Collection[str], *, snapshot: datetime) -> dict[str, dict[str, str]]:
    """What the shop had said of some users before the snapshot: attribute -> value.

    Args:
        users: The table of that name.
        user_ids: Of the samples.
        snapshot: As of when users are known.
    """
    rows = users.scan(USERS).filter(_among("user_id", user_ids), pl.col("known_at") < snapshot).collect()
    found: dict[str, dict[str, str]] = {user_id: {} for user_id in user_ids}
    for row in sorted(rows.iter_rows(named=True), key=lambda row: row["known_at"]):
        found[row["user_id"]][row["attribute"]] = row["value"]
    return found


def read_reviews(log: TableReader, sentiments: pl.LazyFrame) -> pl.LazyFrame:
    """item_id, event_time, known_at and sentiment of each review with words; one that nobody has read says nothing, which is 0.

    Args:
        log: Says when each was written, and of which item.
        sentiments: event_id and sentiment, as the model of the night has read them.
    """
    worded = log.scan(EVENTS).filter(pl.col("event_type") == "review", pl.col("text").str.strip_chars() != "")
    found = worded.join(sentiments.select("event_id", "sentiment"), on="event_id", how="left")
    return found.select("item_id", pl.col("event_time", "known_at").dt.epoch("us"), pl.col("sentiment").fill_null(0.0))


def add_sentiments(of_items: Mapping[str, Acts], reviews: pl.LazyFrame, *, midnight: int) -> None:
    """Count what `read_reviews` gives of these items before a start of a day."""
    rows = reviews.filter(_among("item_id", of_items), _before(midnight)).select("item_id", "sentiment")
    for item_id, sentiment in rows.collect().iter_rows():
        of_items[item_id].sentiment += sentiment
        of_items[item_id].read += 1


def read_priors(log: TableReader, reviews: pl.LazyFrame | None, *, since: datetime) -> Priors:
    """What all items say together, of what was known by the last start of a day up to a moment: one row per item is in memory.

    Args:
        log: All of it.
        reviews: Of `read_reviews`, where anybody asks for their sentiment.
        since: When the ranker's window begins.
    """
    before = _before(microseconds(since) // DAY * DAY)
    kind, value = pl.col("event_type"), pl.col("value")
    rated = value.filter(kind.is_in(["rating", "review"]))
    known = log.scan(EVENTS).with_columns(pl.col("event_time", "known_at").dt.epoch("us")).filter(before).group_by("item_id")
    of_type = {"shown": "impression", "clicked": "click", "bought": "purchase"}
    sums = known.agg(
        *((kind == name).sum().cast(pl.Int64).alias(column) for column, name in of_type.items()),
        rated.sum().alias("stars"),
        rated.count().cast(pl.Int64).alias("ratings"),
    ).collect(engine="streaming")
    shown, clicked, bought = (sums[name].to_list() for name in of_type)
    stars, ratings = sums.select(pl.col("stars", "ratings").sum()).row(0)
    read = None if reviews is None else reviews.filter(before).select(pl.col("sentiment").mean()).collect().item()
    click_rate = min(sum(clicked) / sum(shown), 1.0) if any(shown) else 0.0
    return Priors(
        click=Prior(click_rate, strength_of_rate(clicked, shown)),
        conversion=Prior(min(sum(bought) / sum(clicked), 1.0), strength_of_rate(bought, clicked)) if any(clicked) else None,
        rating=Prior(stars / ratings if ratings else 0.0, PRIOR_RATINGS),
        sentiment=None if read is None else Prior(read, PRIOR_RATINGS),
    )


def read_items(release: Release, item_ids: Collection[str]) -> dict[str, RawItem]:
    """Those of some items that a release has, by id, and what its catalogue and its vectors say of them."""
    columns = ("item_id", "category", "price", pl.col("available_from").dt.epoch("us"))
    rows = release.catalogue.select(*columns).with_row_index().filter(_among("item_id", item_ids))
    return {
        item_id: RawItem(
            row=row,
            price=price,
            category=next((name for name in categories if name is not None), None),
            born=available_from,
            vectors={
                name: vectors[row] if release.ranking_items.presence[name][row] else None
                for name, vectors in release.ranking_items.vectors.items()
            },
        )
        for row, item_id, categories, price, available_from in rows.iter_rows()
    }


def moment_of(release: Release) -> int:
    """Up to which a release knows anything, microseconds since 1970 UTC."""
    return microseconds(datetime.fromisoformat(release.description["date"]))


def _before(moment: int) -> pl.Expr:
    return (pl.col("event_time") < moment) & (pl.col("known_at") < moment)


def _among(column: str, values: Collection[str]) -> pl.Expr:
    return pl.col(column).is_in(pl.Series(sorted(values), dtype=pl.String).implode())

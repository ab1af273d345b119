"""The behaviour of every user as flat arrays, one user after another: what models, baselines and judges all read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from recsys.data.relevance import NUM_KINDS, SEEN_KINDS, Kind, Relevance
from recsys.data.runs import gather_runs
from recsys.data.user_attributes import UserAttribute, build_user_attributes
from recsys.vocabulary import Vocabulary

MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Events of users on known items, oldest first within a user.

    Ties in time keep the order of the log. Users stand in ascending order of their id.
    """

    user_ids: npt.NDArray[np.object_]
    """(users,)"""
    offsets: npt.NDArray[np.int64]
    """(users + 1,): events of user u are offsets[u] : offsets[u + 1]."""
    item_index: npt.NDArray[np.int64]
    """(events,)"""
    kind: npt.NDArray[np.int8]
    """(events,), of `Kind`."""
    event_time: npt.NDArray[np.int64]
    """(events,), microseconds since 1970 UTC."""
    known_at: npt.NDArray[np.int64]
    """(events,), the same: before it nobody could know of the event."""
    relevant_kinds: tuple[Kind, ...]
    num_items: int
    attributes: Mapping[str, UserAttribute] = field(default_factory=dict)
    """What else is known of the users."""

    @property
    def num_users(self) -> int:
        """Users, with events or without."""
        return len(self.user_ids)

    @property
    def user_row(self) -> npt.NDArray[np.int64]:
        """(events,): the user each event belongs to, as a row of `user_ids`."""
        return np.repeat(np.arange(self.num_users), np.diff(self.offsets))

    @property
    def relevant(self) -> npt.NDArray[np.bool_]:
        """(events,): whether the event says the user wanted the item."""
        return np.isin(self.kind, self.relevant_kinds)

    def without_events(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which users, given as rows of `user_ids` or -1, have no event here."""
        lacking: npt.NDArray[np.bool_] = np.r_[np.diff(self.offsets), 0][rows] == 0  # row -1 reads the 0 at the end
        return lacking

    def rows_of(self, user_ids: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
        """Row of each user id; -1 for a user of whom nothing is known here."""
        if self.num_users == 0:
            return np.full(len(user_ids), -1)
        rows = np.minimum(np.searchsorted(self.user_ids, user_ids), self.num_users - 1)
        return np.where(self.user_ids[rows] == user_ids, rows, -1)

    def of_user(self, row: int) -> "Interactions":
        """Events of one user, given as a row of `user_ids`, alone."""
        return self.asked(np.array([row]))

    def asked(self, rows: npt.NDArray[np.int64]) -> "Interactions":
        """Events of the users in some rows of `user_ids`, one behind another as asked; row -1 is a user without events, called "".

        Whoever asks about few of many users need not work on all. A user may be asked about twice, so ids need not ascend.
        """
        offsets, events = gather_runs(self.offsets, rows)
        return replace(
            self,
            user_ids=np.append(self.user_ids, "")[rows],
            offsets=offsets,
            item_index=self.item_index[events],
            kind=self.kind[events],
            event_time=self.event_time[events],
            known_at=self.known_at[events],
            attributes={name: found.asked(rows) for name, found in self.attributes.items()},
        )

    def keep(self, events: npt.NDArray[np.bool_]) -> "Interactions":
        """Only these events; every user stays, perhaps with none."""
        kept = np.r_[0, np.cumsum(events)]
        return replace(
            self,
            offsets=kept[self.offsets],
            item_index=self.item_index[events],
            kind=self.kind[events],
            event_time=self.event_time[events],
            known_at=self.known_at[events],
        )

    def before(self, moment: datetime) -> "Interactions":
        """Events that had happened, and were known, strictly before a moment, and what else was known of users."""
        earlier = self.keep(np.maximum(self.event_time, self.known_at) < microseconds(moment))
        return replace(earlier, attributes={name: found.before(microseconds(moment)) for name, found in self.attributes.items()})

    def between(self, start: datetime, end: datetime) -> "Interactions":
        """Events of [start, end), as far as they were known before its end."""
        known = self.before(end)
        return known.keep(known.event_time >= microseconds(start))

    def distinct(self) -> "Interactions":
        """One event per user and item: the kind that says most, the newest of its kind; order by time is kept.

        A shop that wants clicks and purchases alone does not lose a purchase to the review that follows it.
        """
        pair = self.user_row * self.num_items + self.item_index
        key = pair * NUM_KINDS + _rank(self.kind, opinions=Kind.LIKED in self.relevant_kinds)
        order = np.argsort(key)  # four times as fast as a sort that keeps ties in order
        key = key[order]
        starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]][: len(key)])  # of events of one pair and rank
        newest = np.maximum.reduceat(order, starts) if len(starts) else order
        pair = key[starts] // NUM_KINDS
        events = np.zeros(len(order), bool)
        events[newest[np.r_[pair[1:] != pair[:-1], True][: len(pair)]]] = True
        return self.keep(events)

    def matrix(self, weight: npt.NDArray[np.floating] | None = None) -> sp.csr_matrix:
        """(users, items): the sum of the weights of a pair's events, 1 each by default."""
        data = np.ones(len(self.item_index), np.float32) if weight is None else weight.astype(np.float32)
        matrix = sp.csr_matrix((data, self.item_index.copy(), self.offsets.copy()), shape=(self.num_users, self.num_items))
        matrix.sum_duplicates()
        return matrix

    def seen(self) -> sp.csr_matrix:
        """(users, items): 1 where the item is no longer new to the user."""
        seen = self.keep(np.isin(self.kind, SEEN_KINDS)).matrix()
        seen.data[:] = 1
        return seen


def _rank(kind: npt.NDArray[np.int8], *, opinions: bool) -> npt.NDArray[np.int8]:
    """Order of kinds in `distinct`: the last opinion wins, so liked and disliked are level; unwanted ones say less than a click."""
    opinion = np.isin(kind, (Kind.DISLIKED, Kind.LIKED))
    if opinions:
        return np.where(opinion, np.int8(Kind.DISLIKED), kind)
    return np.where(opinion, np.int8(Kind.CLICK), kind + (kind >= Kind.CLICK).astype(np.int8))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC.

    Raises:
        ValueError: The moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; all our times are UTC")
    return round(moment.timestamp() * 1_000_000)


def build_interactions(
    events: Sequence[pl.LazyFrame], *, vocabulary: Vocabulary, relevance: Relevance, known_before: datetime
) -> Interactions:
    """Read the behaviour out of an event log: numbers of one file after the other, so that the texts of all are never in memory.

    Args:
        events: Files of the table `events`, in the order they were ingested. Impressions and items without a row are left out.
        vocabulary: Rows of the items.
        relevance: What counts as wanted.
        known_before: Only events that had happened, and were known, strictly before this moment.
    """
    users = pl.Series(dtype=pl.Categorical(pl.Categories.random()))  # polars forgets categories that no series holds
    items = pl.Enum(list(vocabulary.item_ids))
    rows = pl.concat([_numbers(file, users.dtype, items, relevance, known_before) for file in events])
    codes = rows["user"].unique()
    names = codes.cat.to(users.dtype).cast(pl.String)
    by_name = names.arg_sort()
    row_of = np.zeros(int(codes.to_numpy().max(initial=0)) + 1, np.uint32)
    row_of[codes.gather(by_name).to_numpy()] = np.arange(len(codes))
    user = row_of[rows["user"].to_numpy()]
    order = _by_user_and_time(user, rows["event_time"].to_numpy())
    return Interactions(
        user_ids=names.gather(by_name).to_numpy().astype(object),
        offsets=np.r_[0, np.cumsum(np.bincount(user, minlength=len(codes)))].astype(np.int64),
        item_index=rows["item_index"].to_numpy()[order].astype(np.int64),
        kind=rows["kind"].to_numpy()[order],
        event_time=rows["event_time"].to_numpy()[order],
        known_at=rows["known_at"].to_numpy()[order],
        relevant_kinds=relevance.relevant_kinds(),
        num_items=len(vocabulary),
    )


def with_attributes(past: Interactions, told: pl.DataFrame) -> Interactions:
    """The same behaviour beside what was said of users; who is named there and has no event becomes a user without events.

    Args:
        past: Behaviour.
        told: Rows of the table `users` that were known by the same moment.
    """
    if told.is_empty():
        return past
    before = pl.DataFrame({"user_id": past.user_ids.tolist(), "events": np.diff(past.offsets)}, schema_overrides={"user_id": pl.String})
    users = pl.concat([before, told.select(pl.col("user_id").unique(), events=pl.lit(0, pl.Int64))])
    users = users.group_by("user_id").agg(pl.col("events").sum()).sort("user_id")
    return replace(
        past,
        user_ids=users["user_id"].to_numpy().astype(object),
        offsets=np.r_[0, np.cumsum(users["events"].to_numpy())].astype(np.int64),
        attributes=build_user_attributes(users["user_id"].to_list(), told),
    )


def _numbers(events: pl.LazyFrame, users: pl.DataType, items: pl.Enum, relevance: Relevance, known_before: datetime) -> pl.DataFrame:
    """What counts of some events: `user` by its code among the categories met so far, the rest as `Interactions` has it."""
    known = events.filter(pl.col("event_time") < known_before, pl.col("known_at") < known_before)
    rows = known.with_columns(relevance.kind(), pl.col("item_id").cast(items, strict=False).to_physical().cast(pl.UInt32))
    return (
        rows.filter(pl.col("kind").is_not_null(), pl.col("item_id").is_not_null())
        .select(
            pl.col("user_id").cast(users).to_physical().alias("user"),
            pl.col("item_id").alias("item_index"),
            "kind",
            pl.col("event_time", "known_at").dt.epoch("us"),
        )
        .collect()
    )


def _by_user_and_time(user: npt.NDArray[np.uint32], event_time: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """Order of the events; ties keep theirs. A log is in order of time already, so sorting (user, place) as one number is enough."""
    place = np.arange(len(user), dtype=np.uint64)
    if (np.diff(event_time) < 0).any():
        place = np.argsort(event_time, kind="stable").astype(np.uint64)
    key = user[place].astype(np.uint64) << np.uint64(32) | np.arange(len(user), dtype=np.uint64)
    key.sort()
    order: npt.NDArray[np.uint32] = place[key & np.uint64(0xFFFFFFFF)].astype(np.uint32)
    return order

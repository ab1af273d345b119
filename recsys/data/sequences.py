"""Histories cut into training batches by array operations alone; the same seed and epoch give the same batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from recsys.data.excerpt import Excerpt
from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions
from recsys.data.targets import draw_targets
from recsys.data.user_attributes import attribute_slots

SHARE_UNTOLD = 0.2
"""Of the pieces; they are told nothing of their user, or else nobody would learn what those want of whom nothing is known."""
SHARE_IN_ORDER = {"free": 0.0, "time": 1.0, "both": 0.5}
"""Order of training -> share of the histories that keep the order of time in an epoch."""


@dataclass(frozen=True)
class SequenceBatch:
    """Pieces of histories, padded at the end; the events before each place of a row have to name one that stands there or later."""

    item_index: npt.NDArray[np.int64]
    """(batch, length); 0 in padding."""
    kind: npt.NDArray[np.int64]
    """(batch, length); 0 is padding."""
    age_days: npt.NDArray[np.float32]
    """(batch, length): how much older than the user's newest event."""
    event_time: npt.NDArray[np.int64]
    """(batch, length), microseconds since 1970 UTC; 0 in padding."""
    wanted: npt.NDArray[np.bool_]
    """(batch, length): whether the event says the user wanted the item."""
    loss_weight: npt.NDArray[np.float32]
    """(batch, length): how much the event counts as a target; 0 in padding."""
    target: npt.NDArray[np.int64]
    """(batch, length): place, in the same row, of the event that is to be named at each place; see `draw_targets`."""
    in_order: npt.NDArray[np.bool_]
    """(batch,): whether the piece keeps the order of time."""
    user_row: npt.NDArray[np.int64]
    """(batch,): whose history it is of, as a row of the interactions' users."""
    attributes: npt.NDArray[np.int64]
    """(batch, attributes): what was known of the user before the first event of the piece, 0 in SHARE_UNTOLD of them; see
    `attribute_slots`."""

    def __len__(self) -> int:
        return len(self.in_order)

    @property
    def target_weight(self) -> npt.NDArray[np.float32]:
        """(batch, length): how much the event counts that is to be named at each place."""
        return np.take_along_axis(self.loss_weight, self.target, axis=1)

    def select(self, pieces: slice) -> "SequenceBatch":
        """A run of these pieces, not copied."""
        return SequenceBatch(**{entry.name: getattr(self, entry.name)[pieces] for entry in fields(self)})


class Sequences:
    """Distinct events of users, ready to be dealt out anew each epoch.

    Args:
        interactions: What may be learned from; repeated events of a user on an item count once.
        length: Longest piece.
        order: `free` shuffles each history anew every epoch, so that any event is predicted from any others; `time` keeps it as it was;
            `both` tosses a coin for each history and epoch.
        context_weight: Loss weight of events that are not wanted.
        half_life_days: Age, before the newest event of all, at which a target counts half; 0 means no fading.
        next_events: How far ahead lies what a history in order of time has to name; see `draw_targets`.
        next_decay: See `draw_targets`.
        tokens_per_batch: Events and padding of a batch, about.
        events_per_epoch: Users are parted by lot so that each part has about so many events, and epochs take one part after the other; 0:
            an epoch takes all users.
        seed: Of the shuffling.
        attributes: Attribute of users -> its values that the model knows.
    """

    def __init__(
        self,
        interactions: Interactions,
        *,
        length: int,
        order: str,
        context_weight: float,
        half_life_days: float,
        next_events: int = 1,
        next_decay: float = 1.0,
        tokens_per_batch: int,
        events_per_epoch: int = 0,
        seed: int,
        attributes: Mapping[str, Sequence[str]],
    ) -> None:
        if order not in SHARE_IN_ORDER:
            raise ValueError(f"order {order!r} is unknown; it is one of {', '.join(SHARE_IN_ORDER)}")
        self._past = interactions.distinct()
        self._length, self._order, self._tokens, self._seed = length, order, tokens_per_batch, seed
        self._next_events, self._next_decay = next_events, next_decay
        self._attributes = attributes
        self._age_days = age_days(self._past)
        wanted = self._past.relevant
        weight = np.where(wanted, 1.0, context_weight).astype(np.float32)
        if half_life_days and len(weight):
            days = (self._past.event_time.max() - self._past.event_time) / MICROSECONDS_PER_DAY
            weight *= 0.5 ** (days / half_life_days)
        self._wanted, self._weight = wanted, weight.astype(np.float32)
        self._part = self._parts(events_per_epoch)

    def epoch(self, number: int) -> Iterator[SequenceBatch]:
        """All events of a part of the users once, in an order that depends on seed and number alone."""
        random = np.random.default_rng((self._seed, number))
        users = np.flatnonzero(self._part == number % (self._part.max(initial=0) + 1))
        events, starts, lengths, in_order, user = self._pieces(users, random)
        told = random.random(len(user)) >= SHARE_UNTOLD if self._attributes else np.ones(len(user), bool)
        for chosen in self._deal(lengths, random):
            longest = lengths[chosen].max()
            inside = np.arange(longest) < lengths[chosen, None]
            rows = events[np.where(inside, starts[chosen, None] + np.arange(longest), 0)]
            event_time = self._past.event_time[rows]
            first = np.where(inside, event_time, np.iinfo(np.int64).max).min(axis=1)
            yield SequenceBatch(
                item_index=np.where(inside, self._past.item_index[rows], 0),
                kind=np.where(inside, self._past.kind[rows], 0).astype(np.int64),
                age_days=np.where(inside, self._age_days[rows], 0).astype(np.float32),
                event_time=np.where(inside, event_time, 0),
                wanted=inside & self._wanted[rows],
                loss_weight=np.where(inside, self._weight[rows], 0).astype(np.float32),
                target=draw_targets(
                    lengths[chosen], in_order[chosen], next_events=self._next_events, next_decay=self._next_decay, random=random
                ),
                in_order=in_order[chosen],
                user_row=user[chosen],
                attributes=attribute_slots(self._past.attributes, self._attributes, user[chosen], first) * told[chosen, None],
            )

    def _parts(self, events_per_epoch: int) -> npt.NDArray[np.int64]:
        """(users,): the part that each is in; none is empty."""
        counts = np.diff(self._past.offsets)
        if not events_per_epoch:
            return np.zeros(len(counts), np.int64)
        number = max(1, round(counts.sum() / events_per_epoch))
        order = np.random.default_rng(self._seed).permutation(np.flatnonzero(counts))
        before = np.cumsum(counts[order]) - counts[order]
        part = np.zeros(len(counts), np.int64)
        part[order] = np.unique(before * number // max(1, counts.sum()), return_inverse=True)[1]
        return part

    def _pieces(
        self, users: npt.NDArray[np.int64], random: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Order of the users' events; where in it each piece starts, how long it is, whether it keeps the order of time, whose it is."""
        counts = np.diff(self._past.offsets)[users]
        begins = np.cumsum(counts) - counts
        whose = np.repeat(np.arange(len(users)), counts)
        rows = np.arange(len(whose)) + (self._past.offsets[users] - begins)[whose]
        in_order = random.random(len(counts)) < SHARE_IN_ORDER[self._order]
        place = np.where(in_order[whose], np.arange(len(whose)), random.random(len(whose)))
        events = rows[np.lexsort((place, whose))]
        first = random.integers(0, self._length, len(counts))  # where pieces break differs from epoch to epoch
        first = np.where(in_order & (counts > self._length), first, 0)
        pieces = -(-(counts + first) // self._length)
        user = np.repeat(np.arange(len(counts)), pieces)
        number = np.arange(len(user)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        start = np.maximum(number * self._length - first[user], 0)
        end = np.minimum((number + 1) * self._length - first[user], counts[user])
        return events, begins[user] + start, end - start, in_order[user], users[user]

    def _deal(self, lengths: npt.NDArray[np.int64], random: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
        """Pieces of like length go together, so that little is padding; batches come in random order."""
        noisy = lengths + random.random(len(lengths))
        order = np.argsort(noisy, kind="stable")
        batches = []
        end = len(order)
        while end > 0:
            size = max(1, self._tokens // int(lengths[order[end - 1]]))
            batches.append(order[max(0, end - size) : end])
            end -= size
        for number in random.permutation(len(batches)):
            yield batches[number]


def age_days(past: Interactions) -> npt.NDArray[np.float32]:
    """(events,): how much older each event is than its user's newest, in days."""
    counts = np.diff(past.offsets)
    last = np.repeat(past.event_time[np.maximum(past.offsets[1:] - 1, 0)], counts) if len(past.event_time) else past.event_time
    return ((last - past.event_time) / MICROSECONDS_PER_DAY).astype(np.float32)


@dataclass(frozen=True)
class Histories:
    """What the user tower reads of some users, oldest first, padded at the end, at least one column; and all of their distinct events."""

    item_index: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    age_days: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.int64]
    """(users, attributes): see `attribute_slots`."""
    whole: Interactions
    """All distinct events of these users, one user behind another."""


def read_histories(
    past: Interactions, rows: npt.NDArray[np.int64], excerpt: Excerpt, *, attributes: Mapping[str, Sequence[str]]
) -> Histories:
    """What is read of some users: an excerpt by the user tower, all by what needs no tower.

    Args:
        past: Distinct interactions (see `Interactions.distinct`).
        rows: (users,) rows of `past.user_ids`; -1 is a user of whom nothing is known.
        excerpt: What the tower reads.
        attributes: Attribute of users -> its values that the tower knows.
    """
    slots = attribute_slots(past.attributes, attributes, rows)
    whole = past.asked(rows)
    place, inside = excerpt.places(np.diff(whole.offsets))
    if not len(whole.item_index):
        empty = np.zeros((len(rows), 1), np.int64)
        return Histories(empty, empty, empty.astype(np.float32), slots, whole)
    event = np.where(inside, whole.offsets[:-1, None] + place, 0)
    newest = whole.event_time[np.maximum(whole.offsets[1:] - 1, 0), None]
    age = (newest - whole.event_time[event]) / MICROSECONDS_PER_DAY
    return Histories(
        item_index=np.where(inside, whole.item_index[event], 0),
        kind=np.where(inside, whole.kind[event], 0).astype(np.int64),
        age_days=np.where(inside, age, 0).astype(np.float32),
        attributes=slots,
        whole=whole,
    )

"""Small interactions and catalogues, written as the rows one would tell a colleague."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions, microseconds
from recsys.data.items import ALWAYS, FOR_EVER, Items
from recsys.data.relevance import Kind, Relevance
from recsys.vocabulary import Vocabulary

START = datetime(2025, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days after START."""
    return START + timedelta(days=number)


def interactions_of(
    rows: Sequence[tuple[str, int, float]] | Sequence[tuple[str, int, float, Kind]], *, num_items: int, relevance: Relevance | None = None
) -> Interactions:
    """Interactions of rows (user_id, item_index, day, kind = LIKED) in the order of the log."""
    full = [(row[0], row[1], microseconds(day(row[2])), row[3] if len(row) > 3 else Kind.LIKED) for row in rows]
    full.sort(key=lambda row: (row[0], row[2]))
    counts = Counter(row[0] for row in full)
    event_time = np.array([row[2] for row in full], np.int64)
    return Interactions(
        user_ids=np.array(list(counts), dtype=object),
        offsets=np.r_[0, np.cumsum(list(counts.values()))].astype(np.int64),
        item_index=np.array([row[1] for row in full], np.int64),
        kind=np.array([row[3] for row in full], np.int8),
        event_time=event_time,
        known_at=event_time,
        relevant_kinds=(relevance or Relevance()).relevant_kinds(),
        num_items=num_items,
    )


def random_interactions(seed: int, *, num_users: int, num_items: int, num_events: int, days: float = 100) -> Interactions:
    """Events of all kinds of rating, at random, popular items more often."""
    generator = np.random.default_rng(seed)
    user = generator.integers(0, num_users, num_events)
    item = np.minimum(generator.geometric(3 / num_items, num_events) - 1, num_items - 1)
    when = generator.uniform(0, days, num_events)
    kinds = generator.choice([Kind.LIKED, Kind.LIKED, Kind.DISLIKED], num_events)
    rows = [(f"u{u:04d}", int(i), float(w), Kind(k)) for u, i, w, k in zip(user, item, when, kinds, strict=True)]
    return interactions_of(rows, num_items=num_items)


def items_of(
    num_items: int,
    *,
    vectors: Mapping[str, npt.NDArray[np.float32]] | None = None,
    presence: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    categories: Sequence[str] = (),
    born: Mapping[int, datetime] | None = None,
) -> Items:
    """A catalogue i0, i1, ...; `categories` names one category per item, `born` the items that came at a moment."""
    vectors = dict(vectors or {})
    names = sorted(set(categories))
    available_from = np.full(num_items, ALWAYS)
    for item, moment in (born or {}).items():
        available_from[item] = microseconds(moment)
    return Items(
        vocabulary=Vocabulary([f"i{index}" for index in range(num_items)]),
        vectors=vectors,
        presence={name: np.ones(num_items, bool) for name in vectors} | dict(presence or {}),
        category_names=tuple(names),
        category_offsets=np.arange(num_items + 1) if categories else np.zeros(num_items + 1, np.int64),
        category_index=np.array([names.index(name) for name in categories], np.int64),
        price=np.full(num_items, np.nan, np.float32),
        in_stock=np.ones(num_items, bool),
        available_from=available_from,
        available_to=np.full(num_items, FOR_EVER),
    )

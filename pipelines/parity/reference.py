"""The ranker's features once more, one number at a time out of raw rows; shares no code with what serves or trains."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipelines.parity.counting import DAY, WINDOWS

SAYS: Mapping[str, int] = {"dwell": 1, "tag": 2, "click": 3, "cart": 4, "purchase": 5, "disliked": 6, "liked": 6}
"""How much an act says of a user and an item; the last opinion wins, so both weigh the same; see `newest_distinct`."""
KINDS: Mapping[str, int] = {"dwell": 1, "tag": 2, "click": 3, "cart": 4, "purchase": 5, "disliked": 6, "liked": 7}
"""What the user tower calls an act."""
COUNTS = ("wanted_decayed", "review_count")
"""Of the further features of items, what is a count and never lacking."""


@dataclass(frozen=True)
class RawEvent:
    """A row of the log, or of what was posted; times in microseconds since 1970 UTC."""

    item_id: str
    event_type: str
    value: float | None
    event_time: int
    known_at: int


@dataclass(frozen=True, kw_only=True)
class RawItem:
    """What is known of an item; None where nothing is."""

    row: int
    """In the release's arrays."""
    price: float | None
    category: str | None
    vectors: Mapping[str, npt.NDArray[np.float32] | None]
    """modality -> unit vector."""
    born: int | None = None
    """First moment on sale or, where the catalogue does not say, time of the first event; microseconds since 1970 UTC."""
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    """What events say of it, by the names of `counting.features_of`; of candidates alone."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """The newest thing that is known of a user and an item."""

    item: RawItem
    act: str
    """A key of SAYS."""
    age: float
    """Days before the answer, at least 0."""


Columns = dict[str, list[float]]
"""Feature -> one value per candidate."""


def said(event_type: str, value: float | None, *, positive_rating: float) -> str | None:
    """A key of SAYS; None for what is no behaviour. Stars that were not given say what a tag says."""
    if event_type not in ("rating", "review"):
        return event_type if event_type in SAYS else None
    if value is None:
        return "tag"
    return "liked" if value >= positive_rating else "disliked"


def newest_distinct(
    events: Sequence[RawEvent], *, known: Container[str], positive_rating: float, opinions: bool
) -> list[tuple[RawEvent, str]]:
    """Of each item in `known` the act that says most, the last of several; oldest first.

    `opinions` is whether the shop wants any; where it does not, they say more than a tag and less than a click.
    """
    says: Mapping[str, float] = SAYS if opinions else {**SAYS, "disliked": 2.5, "liked": 2.5}
    best: dict[str, tuple[int, RawEvent, str]] = {}
    for place, event in enumerate(sorted(events, key=lambda event: event.event_time)):
        act = said(event.event_type, event.value, positive_rating=positive_rating)
        if act is None or event.item_id not in known:
            continue
        before = best.get(event.item_id)
        if before is None or says[act] >= says[before[2]]:
            best[event.item_id] = place, event, act
    in_order = sorted(best.values(), key=lambda found: found[0])
    return [(event, act) for _, event, act in in_order]


def retrieval(scores: Sequence[float]) -> Columns:
    """Where the retriever put the candidates, relative to one another."""
    ranks = [0] * len(scores)
    for rank, place in enumerate(sorted(range(len(scores)), key=lambda place: -scores[place])):
        ranks[place] = rank
    return {
        "retrieval_z": _standardised(scores),
        "retrieval_rank": [rank / len(scores) for rank in ranks],
        "retrieval_log_rank": [math.log1p(rank) for rank in ranks],
    }


def popularity(candidates: Sequence[RawItem]) -> Columns:
    """How often the candidates were wanted."""
    columns = {f"wanted_{name}": [math.log1p(item.numbers[f"wanted_{name}"] or 0) for item in candidates] for name in WINDOWS}
    return columns | {f"wanted_{name}_z": _standardised(columns[f"wanted_{name}"]) for name in ("30d", "all")}


def age(candidates: Sequence[RawItem], *, now: int) -> Columns:
    """Days on sale or, where the catalogue does not say, since the first event."""
    days = [None if item.born is None else max(now - item.born, 0) / DAY for item in candidates]
    return _flagged("item_age", [None if value is None else math.log1p(value) for value in days])


def price(candidates: Sequence[RawItem], past: Sequence[Past]) -> Columns:
    """Price, and how far it is from what the user usually looks at."""
    paid = [math.log1p(entry.item.price) for entry in past if entry.act != "disliked" and entry.item.price is not None]
    own = [None if item.price is None else math.log1p(item.price) for item in candidates]
    gap = [None if value is None or not paid else value - sum(paid) / len(paid) for value in own]
    return _flagged("price", own) | _flagged("price_gap", gap)


def category(candidates: Sequence[RawItem], past: Sequence[Past]) -> Columns:
    """Share of the candidate's category in what the user liked: halved in 90 days, and among the ten newest."""
    liked = [entry for entry in past if entry.act != "disliked"]
    newest = min((entry.age for entry in liked), default=0.0)
    weights = [0.5 ** ((entry.age - newest) / 90) for entry in liked]
    columns: Columns = {"category_affinity": [], "category_recent": [], "no_category": []}
    for item in candidates:
        same = [item.category is not None and entry.item.category == item.category for entry in liked]
        columns["category_affinity"].append(sum(weight for weight, alike in zip(weights, same, strict=True) if alike) / (sum(weights) + 1))
        columns["category_recent"].append(sum(same[-10:]) / max(len(same[-10:]), 1))
        columns["no_category"].append(float(item.category is None))
    return columns


def history(past: Sequence[Past], *, size: int) -> Columns:
    """How much is known of the user, and how old the newest of it is; the same for all `size` candidates."""
    newest = min((entry.age for entry in past), default=0.0)
    values = {"history_length": math.log1p(len(past)), "history_age": math.log1p(newest), "no_history": float(not past)}
    return {name: [value] * size for name, value in values.items()}


def content(candidates: Sequence[RawItem], past: Sequence[Past], *, modality: str) -> Columns:
    """Cosines of the candidates with what the user liked and disliked."""
    shown = [(entry.act, vector) for entry in past if (vector := entry.item.vectors[modality]) is not None]
    liked = [vector for act, vector in shown if act != "disliked"]
    disliked = [vector for act, vector in shown if act == "disliked"]
    columns: Columns = {f"{modality}_{name}": [] for name in ("nearest", "recent", "newest", "disliked", "missing")}
    for item in candidates:
        own = item.vectors[modality]
        alike = [0.0 if own is None else float(own.astype(np.float64) @ vector) for vector in liked]
        unlike = [0.0 if own is None else float(own.astype(np.float64) @ vector) for vector in disliked]
        columns[f"{modality}_nearest"].append(max(alike, default=0.0))
        columns[f"{modality}_recent"].append(sum(alike[-10:]) / max(len(alike[-10:]), 1))
        columns[f"{modality}_newest"].append(alike[-1] if alike else 0.0)
        columns[f"{modality}_disliked"].append(max(unlike, default=0.0))
        columns[f"{modality}_missing"].append(float(own is None))
    return columns


def mean_or_count(candidates: Sequence[RawItem], *, name: str) -> Columns:
    """A rate, a mean or a further count of what events say of the candidates."""
    values = [item.numbers[name] for item in candidates]
    return {name: [math.log1p(value or 0.0) for value in values]} if name in COUNTS else _flagged(name, values)


def _flagged(name: str, values: Sequence[float | None]) -> Columns:
    return {name: [value or 0.0 for value in values], f"no_{name}": [float(value is None) for value in values]}


def _standardised(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return [(value - mean) / spread if spread > 1e-12 else 0.0 for value in values]

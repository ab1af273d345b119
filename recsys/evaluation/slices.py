"""Parts of the truth that a mean over all would hide: new items, missing photos or other content, users without a past."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import microseconds
from recsys.data.items import ALWAYS, Items
from recsys.evaluation.judge import Judgement
from recsys.evaluation.truth import Truth
from recsys.metrics.ndcg import ndcg_at_k
from recsys.metrics.recall import recall_at_k
from recsys.models.baselines.liked import num_likes

NEW_ITEMS = "item: new"
"""Choices of items without any event before the cut."""
NO_IMAGE = "photo: missing"
"""Choices of items without a photo."""
HISTORY_BOUNDS = ((0, "0"), (1, "1-4"), (5, "5-19"), (20, "20+"))
"""Least number of items seen -> name."""


@dataclass(frozen=True)
class Slice:
    """Some of the choices that are new to their users."""

    dimension: str
    value: str
    pairs: npt.NDArray[np.bool_]
    """(pairs of truth.chosen["new"],)"""

    @property
    def name(self) -> str:
        """As it stands in reports and in columns."""
        return f"{self.dimension}: {self.value}"


def build_slices(truth: Truth, items: Items, *, cut: datetime, most_categories: int) -> list[Slice]:
    """Every slice that holds at least one choice.

    Args:
        truth: What models are judged by.
        items: The catalogue.
        cut: The moment the truth begins; ages are counted from it.
        most_categories: Categories that get a slice: those with most choices.
    """
    user, item = truth.chosen["new"].user, truth.chosen["new"].item
    found: list[Slice] = []
    for dimension, names, label in _labels(truth, items, cut=cut, most_categories=most_categories):
        of_pair = label[user] if dimension == "history" else label[item]
        found += [Slice(dimension, name, of_pair == index) for index, name in enumerate(names)]
    return [part for part in found if part.pairs.any()]


def slice_metrics(judgement: Judgement, truth: Truth, part: Slice) -> dict[str, npt.NDArray[np.float64]]:
    """Recall@100 and NDCG@10 as though the slice's choices were all: (users,) each, NaN for a user who chose nothing in it.

    The lists are the same full rankings as ever; only what counts as relevant is narrowed.
    """
    chosen = truth.chosen["new"].of(part.pairs)
    hits, num_relevant = chosen.hits(judgement.lists["new"]), chosen.counts()
    return {"recall@100": recall_at_k(hits, num_relevant, k=100), "ndcg@10": ndcg_at_k(hits, num_relevant, k=10)}


Labels = tuple[str, list[str], npt.NDArray[np.int64]]
"""Dimension, names of its values, and the value of each user (`history`) or item (all others); -1 for none."""


def _labels(truth: Truth, items: Items, *, cut: datetime, most_categories: int) -> Iterator[Labels]:
    yield "history", [name for _, name in HISTORY_BOUNDS], history_length_label(truth)
    known = np.stack([found.as_of(truth.rows) >= 0 for found in truth.past.attributes.values()] or [np.zeros(len(truth.rows), bool)])
    yield "history", ["0, attributes known"], np.where(known.any(axis=0) & truth.past.without_events(truth.rows), 0, -1)
    has_event = np.bincount(truth.past.item_index, minlength=len(items)) > 0
    yield "item", ["new", "known"], has_event.astype(np.int64)
    age = _age(truth, items, cut=cut, has_event=has_event)
    yield "item age", ["youngest third", "middle third", "oldest third"], _tercile(age, truth.candidates & ~np.isnan(age))
    likes = num_likes(truth.past).astype(np.float64)
    terciles = _tercile(likes, truth.candidates & (likes > 0))
    yield "popularity", ["head", "middle", "tail", "never chosen"], np.where(likes > 0, np.where(terciles < 0, -1, 2 - terciles), 3)
    nothing = np.zeros(len(items), bool)
    image, words, description = (items.presence.get(name, nothing) for name in ("image", "text", "description"))
    text = words | description
    yield "content", ["image and text", "text only", "image only", "neither"], np.where(text, np.where(image, 0, 1), np.where(image, 2, 3))
    yield "photo", ["present", "missing"], np.where(image, 0, 1)
    for name in sorted(items.presence.keys() - {"image", "text"}):
        yield f"modality {name}", ["present", "missing"], np.where(items.presence[name], 0, 1)
    category = items.first_category()
    chosen = category[truth.chosen["new"].item]
    times = np.bincount(chosen[chosen >= 0], minlength=len(items.category_names))
    most = np.argsort(-times, kind="stable")[:most_categories]
    place = np.full(len(items.category_names) + 1, -1)  # the last entry serves items without a category
    place[most] = np.arange(len(most))
    yield "category", [items.category_names[index] for index in most], place[category]


def history_length_label(truth: Truth) -> npt.NDArray[np.int64]:
    """(users,): which of HISTORY_BOUNDS the number of distinct items seen falls into."""
    length = np.diff(truth.past.asked(truth.rows).seen().indptr)
    label: npt.NDArray[np.int64] = np.searchsorted([least for least, _ in HISTORY_BOUNDS], length, side="right") - 1
    return label


def _age(truth: Truth, items: Items, *, cut: datetime, has_event: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(items,) microseconds since the item came, or where the catalogue does not say since its first event; NaN for neither."""
    first = np.full(len(items), np.iinfo(np.int64).max)
    np.minimum.at(first, truth.past.item_index, truth.past.event_time)
    dated = items.available_from != ALWAYS
    born = np.where(dated, items.available_from, first)
    return np.where(dated | has_event, float(microseconds(cut)) - born, np.nan)


def _tercile(value: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """0, 1, 2 from the lowest third of the counted items up; equal values share a third; -1 for items not counted."""
    label = np.full(len(value), -1)
    if counted.any():
        bounds = np.quantile(value[counted], (1 / 3, 2 / 3))
        label[counted] = np.searchsorted(bounds, value[counted], side="left")
    return label

"""What the ranker sees of a user and some candidates: one function, for training by night and for answering by day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.features.item_features import WINDOWS
from recsys.data.further import COUNTED, FurtherFeature
from recsys.data.interactions import MICROSECONDS_PER_DAY
from recsys.data.items import ALWAYS
from recsys.data.ranking_items import RankingItems
from recsys.data.relevance import Kind

RECENT = 10
"""Newest items of a history that a mean over recent items counts."""
HALF_LIFE_DAYS = 90.0
"""Age, before the newest event of the user, at which an event counts half in the affinity to a category."""
SHARED = (
    *("retrieval_z", "retrieval_rank", "retrieval_log_rank"),
    *(f"wanted_{name}" for name in WINDOWS),
    *("wanted_30d_z", "wanted_all_z", "click_rate", "no_click_rate", "mean_rating", "no_mean_rating", "item_age", "no_item_age"),
    *("price", "no_price", "price_gap", "no_price_gap", "category_affinity", "category_recent", "no_category"),
    *("history_length", "history_age", "no_history"),
)
PER_MODALITY = ("nearest", "recent", "newest", "disliked", "missing")


@dataclass(frozen=True)
class RankingHistory:
    """A user's newest distinct items, oldest first; any number of them."""

    item_index: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    """Of `Kind`."""
    age_days: npt.NDArray[np.float32]
    """Days before the moment of the answer, at least 0."""


def feature_names(modalities: Sequence[str], further: Sequence[FurtherFeature] = ()) -> tuple[str, ...]:
    """Columns of `ranking_features`, in order, for a catalogue with vectors of these modalities and these further features of items."""
    more = [part for name in further for part in ((name,) if name in COUNTED else (name, f"no_{name}"))]
    return (*SHARED, *more, *(f"{modality}_{name}" for modality in sorted(modalities) for name in PER_MODALITY))


def ranking_features(
    history: RankingHistory,
    candidates: npt.NDArray[np.int64],
    retrieval_scores: npt.NDArray[np.floating],
    items: RankingItems,
    *,
    now: int,
) -> npt.NDArray[np.float32]:
    """Features of one request.

    Retrieval scores count only relative to the other candidates of the request, and similarities are of content, so that a ranker
    goes on to work when the retriever is trained anew.

    Args:
        history: What is known of the user before `now`.
        candidates: (candidates,) item_index.
        retrieval_scores: (candidates,) higher is better.
        items: As of `now`.
        now: Moment of the answer, microseconds since 1970 UTC.

    Returns:
        (candidates, features), all finite; columns are `feature_names(items.modalities, items.further)`. What is missing is 0, with a
        flag beside it.
    """
    liked = history.kind != Kind.DISLIKED
    columns = [*_retrieval(retrieval_scores), *_popularity(candidates, items), *_age(candidates, items, now)]
    columns += [*_price(history, liked, candidates, items), *_category(history, liked, candidates, items)]
    count = len(history.item_index)
    newest = float(history.age_days.min()) if count else 0.0
    columns += [np.full(len(candidates), value) for value in (np.log1p(count), np.log1p(max(newest, 0.0)), float(count == 0))]
    for name, values in items.further.items():
        columns += [np.log1p(values[candidates])] if name in COUNTED else _or_flag(values[candidates])
    for modality in items.modalities:
        columns += _similarity(history, liked, candidates, items, modality)
    return np.stack(columns, axis=1).astype(np.float32) if len(candidates) else np.zeros((0, len(columns)), np.float32)


def standardised(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Values less their mean, over their standard deviation; all 0 where they are all alike."""
    centred = values.astype(np.float64) - (values.mean(dtype=np.float64) if len(values) else 0.0)
    spread = centred.std() if len(values) else 0.0
    return centred / spread if spread > 1e-12 else np.zeros_like(centred)


def _retrieval(scores: npt.NDArray[np.floating]) -> list[npt.NDArray[np.floating]]:
    rank = np.empty(len(scores))
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return [standardised(scores), rank / max(len(scores), 1), np.log1p(rank)]


def _popularity(candidates: npt.NDArray[np.int64], items: RankingItems) -> list[npt.NDArray[np.floating]]:
    wanted = np.log1p(items.wanted[candidates])  # (candidates, windows)
    relative = [standardised(wanted[:, WINDOWS.index(name)]) for name in ("30d", "all")]
    return [*wanted.T, *relative, *_or_flag(items.click_rate[candidates]), *_or_flag(items.mean_rating[candidates])]


def _age(candidates: npt.NDArray[np.int64], items: RankingItems, now: int) -> list[npt.NDArray[np.floating]]:
    born = items.born[candidates]
    known = born != ALWAYS
    days = np.maximum(now - np.where(known, born, now), 0) / MICROSECONDS_PER_DAY
    return _or_flag(np.where(known, np.log1p(days), np.nan))


def _price(
    history: RankingHistory, liked: npt.NDArray[np.bool_], candidates: npt.NDArray[np.int64], items: RankingItems
) -> list[npt.NDArray[np.floating]]:
    price = np.log1p(items.price[candidates])
    paid = np.log1p(items.price[history.item_index[liked]])
    paid = paid[~np.isnan(paid)]
    usual = paid.mean() if len(paid) else np.nan
    return [*_or_flag(price), *_or_flag(price - usual)]


def _category(
    history: RankingHistory, liked: npt.NDArray[np.bool_], candidates: npt.NDArray[np.int64], items: RankingItems
) -> list[npt.NDArray[np.floating]]:
    mine, wanted = items.category[history.item_index[liked]], items.category[candidates]
    age = history.age_days[liked]
    weight = 0.5 ** ((age - age.min(initial=np.inf)) / HALF_LIFE_DAYS) if len(age) else age
    size = int(max(mine.max(initial=-1), wanted.max(initial=-1))) + 2  # the last row is of no category
    affinity = _bincount(mine, weight, size)
    share = affinity / (weight.sum() + 1.0)  # one event of no category on top: short histories say little
    recent = _bincount(mine[-RECENT:], np.ones(len(mine[-RECENT:])), size) / max(len(mine[-RECENT:]), 1)
    known = wanted >= 0
    return [np.where(known, share[wanted], 0), np.where(known, recent[wanted], 0), (~known).astype(np.float64)]


def _bincount(index: npt.NDArray[np.int64], weight: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float64]:
    known = index >= 0
    return np.bincount(index[known], weights=weight[known], minlength=size).astype(np.float64)


def _similarity(
    history: RankingHistory, liked: npt.NDArray[np.bool_], candidates: npt.NDArray[np.int64], items: RankingItems, modality: str
) -> list[npt.NDArray[np.floating]]:
    vectors, present = items.vectors[modality], items.presence[modality]
    shown = present[history.item_index]
    mine, bad = history.item_index[liked & shown], history.item_index[~liked & shown]
    cosine = vectors[candidates] @ vectors[mine].T  # (candidates, liked events)
    nothing = np.zeros(len(candidates))
    if len(mine):
        nearest, recent, newest = cosine.max(axis=1), cosine[:, -RECENT:].mean(axis=1), cosine[:, -1]
    else:
        nearest = recent = newest = nothing
    disliked = (vectors[candidates] @ vectors[bad].T).max(axis=1) if len(bad) else nothing
    return [nearest, recent, newest, disliked, (~present[candidates]).astype(np.float64)]


def _or_flag(values: npt.NDArray[np.floating]) -> list[npt.NDArray[np.floating]]:
    missing = np.isnan(values)
    return [np.where(missing, 0, values), missing.astype(np.float64)]

"""From a user to a slate: retrieve, filter, rank, diversify; popular items, and saying so, for whom nothing is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.slate.diversify import diversify
from recsys.slate.filters import Shelf, Wishes
from recsys.slate.histories import UserHistory
from recsys.slate.rank import Witness, rank_scores
from recsys.slate.release_reader import Release
from recsys.slate.retrieve import Candidates, popular, retrieve, user_vectors


@dataclass(frozen=True)
class Slate:
    """Items, best first; each once, each visible."""

    item_index: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    source: str
    """`personal`, or `popular` for a user of whom nothing is known; what is known may be attributes alone."""
    path: str
    """How candidates were found; see `Candidates`."""


def candidates(release: Release, shelf: Shelf, history: UserHistory, *, k: int, now: int, wishes: Wishes) -> Candidates:
    """Retrieval alone, in the retriever's order; `now` in microseconds since 1970 UTC."""
    visible = shelf.visible(now=now, wishes=wishes, seen=history.seen)
    if history.empty:
        return popular(release, visible, k=k)
    vector = user_vectors(release, history.for_tower(release.excerpt))[0]
    return retrieve(release, vector, visible, k=k)


def recommend(
    release: Release,
    shelf: Shelf,
    history: UserHistory,
    *,
    k: int,
    now: int,
    wishes: Wishes,
    diversity: float = 0.0,
    witness: Witness | None = None,
) -> Slate:
    """k items; fewer only when fewer are visible. `witness` is told what the ranker reads, if it is asked at all.

    The ranker is not asked of a user without events, of whom it could read nothing.
    """
    if history.without_events:
        found = candidates(release, shelf, history, k=k, now=now, wishes=wishes)
        return Slate(found.item_index, found.scores, "popular" if history.empty else "personal", found.path)
    depth = max(k, int(release.serving["candidates"]))
    found = candidates(release, shelf, history, k=depth, now=now, wishes=wishes)
    seen_by_ranker = history.for_ranker(now=now, length=int(release.ranking["history_length"]))
    scores = rank_scores(release, seen_by_ranker, found.item_index, found.scores, now=now, witness=witness)
    order = np.argsort(-scores, kind="stable")
    rows, scores = found.item_index[order], scores[order]
    chosen = diversify(scores, release.content_vectors[rows], k=k, diversity=diversity)
    return Slate(rows[chosen], scores[chosen], "personal", found.path)

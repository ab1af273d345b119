"""Exact full ranking: every item is scored for every user, in blocks that bound the memory."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.models.scorer import Scorer

MOST_SCORES = 2**23
"""Scores held at once: 34 MB of float32, and about twice that for choosing among them. Four times as many take half as long again."""


def top_k(
    scorer: Scorer,
    past: Interactions,
    rows: npt.NDArray[np.int64],
    *,
    candidates: npt.NDArray[np.bool_],
    k: int,
    exclude_seen: bool,
    block: int = 1024,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The k best candidates of each user, best first; of equal scores the lower item_index comes first.

    Args:
        scorer: The model.
        past: What is known of the users.
        rows: (users,) rows of `past.user_ids`; -1 stands for a user of whom nothing is known.
        candidates: (items,) which items may be recommended.
        k: Length of the lists.
        exclude_seen: Leave out what the user has already met.
        block: Users scored at once, at most; the lists do not depend on it.

    Returns:
        item_index (users, k), -1 where fewer candidates are left, and scores (users, k), -inf there.

    Raises:
        ValueError: k is below 1, or the scorer returned NaN or another shape than (users, items).
    """
    if k < 1:
        raise ValueError(f"k is {k}; lists have at least 1 rank")
    item_index = np.full((len(rows), k), -1, np.int64)
    best = np.full((len(rows), k), -np.inf, np.float32)
    seen = past.asked(rows).seen() if exclude_seen else None
    step = max(1, min(block, MOST_SCORES // max(1, len(candidates))))
    kept = min(k, len(candidates))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        scores = np.array(scorer.scores(past, part), np.float32)  # a copy: masking must not reach into the model
        if scores.shape != (len(part), len(candidates)):
            raise ValueError(f"{scorer.name} returned scores of shape {scores.shape}; wanted {(len(part), len(candidates))}")
        if np.isnan(scores).any():
            raise ValueError(f"{scorer.name} scored {int(np.isnan(scores).sum())} items as NaN; NaN has no place in an order")
        scores[:, ~candidates] = -np.inf
        if seen is not None:
            scores[seen[start : start + step].nonzero()] = -np.inf
        chosen = _best(scores, kept)
        values = np.take_along_axis(scores, chosen, axis=1)
        item_index[start : start + step, :kept] = np.where(np.isneginf(values), -1, chosen)
        best[start : start + step, :kept] = values
    return item_index, best


def _best(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """(users, k): columns of the k greatest scores in order; ties to the lower column, even where they straddle the k-th place."""
    threshold = np.partition(scores, scores.shape[1] - k, axis=1)[:, scores.shape[1] - k, None]
    chosen = scores > threshold
    level = scores == threshold
    room = k - chosen.sum(axis=1)
    tied = np.flatnonzero(level.sum(axis=1) > room)
    level[tied] &= np.cumsum(level[tied], axis=1, dtype=np.int32) <= room[tied, None]
    columns = np.nonzero(chosen | level)[1].reshape(len(scores), k)  # ascending in each row
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)

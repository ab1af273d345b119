"""A release asked for many users at once: its retriever as a scorer, its ranker over finished lists."""

from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions, microseconds
from recsys.data.ranking_lists import histories_at
from recsys.data.sequences import read_histories
from recsys.slate.rank import rank_scores
from recsys.slate.release_reader import Release
from recsys.slate.retrieve import user_vectors

USERS_AT_ONCE = 512


class ReleaseScorer:
    """Implements `recsys.models.scorer.Scorer` on the graphs of a release."""

    name = "release"

    def __init__(self, release: Release) -> None:
        self._release = release

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items) of users given as rows of `past.user_ids`, -1 for one of whom nothing is known."""
        distinct = past.distinct()
        release = self._release
        read = partial(read_histories, distinct, excerpt=release.excerpt, attributes=release.user_attributes)
        blocks = [user_vectors(release, read(rows[start : start + USERS_AT_ONCE])) for start in range(0, len(rows), USERS_AT_ONCE)]
        vectors = np.concatenate(blocks) if blocks else np.zeros((0, self._release.item_vectors.shape[1]), np.float32)
        return vectors @ self._release.item_vectors.T


def rerank_lists(
    release: Release,
    past: Interactions,
    rows: npt.NDArray[np.int64],
    lists: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    *,
    now: datetime,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The same lists in the ranker's order, with its scores.

    Args:
        release: Whose ranker.
        past: What is known of the users.
        rows: (users,) rows of `past.user_ids`; -1 is a user without a past, whose list stays as it is.
        lists: (users, k) item_index, best first; -1 is padding.
        scores: (users, k) of the retriever.
        now: Moment of the answer.
    """
    moment = microseconds(now)
    moments = np.full(len(rows), moment)
    ordered, worth = lists.copy(), scores.copy()
    histories = histories_at(past.distinct(), rows, moments, length=int(release.ranking["history_length"]))
    for place, history in enumerate(histories):
        there = np.flatnonzero(lists[place] >= 0)
        if not len(there) or not len(history.item_index):
            continue
        final = rank_scores(release, history, lists[place, there], scores[place, there], now=moment)
        order = np.argsort(-final, kind="stable")
        ordered[place, there], worth[place, there] = lists[place, there][order], final[order]
    return ordered, worth

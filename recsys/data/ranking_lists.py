"""Requests with their candidates as padded arrays: what a ranker learns from and is judged by."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import MICROSECONDS_PER_DAY, Interactions
from recsys.data.ranking_features import RankingHistory, feature_names, ranking_features
from recsys.data.ranking_items import RankingItems


@dataclass(frozen=True)
class RankingLists:
    """Some requests; padding stands at the end of a row."""

    features: npt.NDArray[np.float32]
    """(requests, candidates, features); 0 in padding."""
    item_index: npt.NDArray[np.int64]
    """(requests, candidates); -1 in padding."""
    retrieval_scores: npt.NDArray[np.float32]
    """(requests, candidates); -inf in padding."""
    labels: npt.NDArray[np.bool_]
    """(requests, candidates, tasks)."""
    num_wanted: npt.NDArray[np.int64]
    """(requests,): items the user went on to want, retrieved or not."""
    user: npt.NDArray[np.int64]
    """(requests,): a number that requests of one user share."""

    def __len__(self) -> int:
        return len(self.user)

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """(requests, candidates): False in padding."""
        return self.item_index >= 0

    def select(self, rows: npt.NDArray[np.int64]) -> "RankingLists":
        """Some of these requests."""
        return replace(self, **{entry.name: getattr(self, entry.name)[rows] for entry in fields(self)})


def request_histories(interactions: Interactions, user_ids: npt.NDArray[np.object_], moments: npt.NDArray[np.int64]) -> Interactions:
    """The past of requests, each as if it were a user of its own: what had happened, and was known, strictly before its moment.

    Args:
        interactions: Behaviour of all users.
        user_ids: (requests,) who asked.
        moments: (requests,) when, microseconds since 1970 UTC.

    Returns:
        Interactions whose user r is request r, called by its number in eight digits.
    """
    asked = interactions.asked(interactions.rows_of(user_ids))
    known = {name: found.before(np.repeat(moments, np.diff(found.offsets))) for name, found in asked.attributes.items()}
    whole = replace(asked, user_ids=np.array([f"{number:08d}" for number in range(asked.num_users)], dtype=object), attributes=known)
    return whole.keep(np.maximum(whole.event_time, whole.known_at) < np.repeat(moments, np.diff(whole.offsets)))


def histories_at(
    past: Interactions, rows: npt.NDArray[np.int64], moments: npt.NDArray[np.int64], *, length: int
) -> Iterator[RankingHistory]:
    """The newest distinct items of some users, as the features want them.

    Args:
        past: Distinct interactions (see `Interactions.distinct`).
        rows: (users,) rows of `past.user_ids`; -1 is a user without events.
        moments: (users,) ages count from here, microseconds since 1970 UTC.
        length: Most items of a history.
    """
    for row, moment in zip(rows, moments, strict=True):
        end = past.offsets[row + 1] if row >= 0 else 0
        some = slice(max(past.offsets[row], end - length), end) if row >= 0 else slice(0, 0)
        age = (moment - past.event_time[some]) / MICROSECONDS_PER_DAY
        yield RankingHistory(past.item_index[some], past.kind[some].astype(np.int64), np.maximum(age, 0).astype(np.float32))


def fill_features(
    past: Interactions,
    rows: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    item_index: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    items: RankingItems,
    *,
    history_length: int,
) -> npt.NDArray[np.float32]:
    """(requests, candidates, features) of requests at moments that these items describe; arguments as in `histories_at`."""
    features = np.zeros((*item_index.shape, len(feature_names(items.modalities, tuple(items.further)))), np.float32)
    for place, history in enumerate(histories_at(past, rows, moments, length=history_length)):
        there = item_index[place] >= 0
        features[place, there] = ranking_features(history, item_index[place, there], scores[place, there], items, now=int(moments[place]))
    return features

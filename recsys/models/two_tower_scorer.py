"""A trained retriever as a scorer: towers, and the popularity prior that validation chose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from recsys.data.excerpt import Excerpt
from recsys.data.interactions import Interactions
from recsys.data.item_to_item import with_asked_parts
from recsys.data.sequences import read_histories
from recsys.data.tensors import ItemBatch
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower import WANTED, TwoTower

USERS_AT_ONCE = 1024


@dataclass(frozen=True)
class TwoTowerScorer:
    """Implements `Scorer`; see `Ensemble`."""

    model: Ensemble
    item_vectors: npt.NDArray[np.float32]
    """(items, all dims): towers, further parts, and what stands BEHIND."""
    history_length: int
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Attribute of users -> its values that the model knows."""
    name: str = "retriever"

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """See `Scorer`."""
        return self.user_vectors(past, rows) @ self.item_vectors.T

    def user_vectors(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, all dims): vectors of users for the question «what will they want?»."""
        asked = past.asked(rows).distinct()
        places = np.arange(len(rows))
        blocks = [self._block(asked, places[start : start + USERS_AT_ONCE]) for start in range(0, len(rows), USERS_AT_ONCE)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.item_vectors.shape[1]), np.float32)

    def for_users(self, past: Interactions, rows: npt.NDArray[np.int64]) -> "KnownUsersScorer":
        """The same scores for these users alone, their vectors worked out once."""
        place = np.zeros(past.num_users + 1, np.int64)
        place[rows] = np.arange(len(rows))  # row -1, the user without a past, is the last place
        return KnownUsersScorer(self.user_vectors(past, rows), place, self.item_vectors)

    def _block(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        excerpt = Excerpt(self.history_length, older=self.model.reads_older)
        histories = read_histories(past, rows, excerpt, attributes=self.attributes)
        table = torch.from_numpy(self.item_vectors[:, self.model.towers])
        with torch.inference_mode():
            vectors = self.model.user_vectors(
                table[torch.from_numpy(histories.item_index)],
                torch.from_numpy(histories.kind),
                torch.from_numpy(histories.age_days),
                torch.from_numpy(histories.attributes),
            ).numpy()
        return with_asked_parts(vectors, self.model.parts, self.item_vectors, histories.whole)


@dataclass(frozen=True)
class KnownUsersScorer:
    """Scores of users whose vectors are known, for asking the same users with popularity weighed otherwise."""

    user_vectors: npt.NDArray[np.float32]
    place: npt.NDArray[np.int64]
    """(users of the past + 1,): row of `user_vectors`; the last is for users without a past."""
    item_vectors: npt.NDArray[np.float32]
    name: str = "retriever"

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """See `Scorer`; only for the users it was made for."""
        return self.user_vectors[self.place[rows]] @ self.item_vectors.T

    def weighing(self, log_popularity: npt.NDArray[np.float32], weights: float | npt.NDArray[np.floating]) -> "KnownUsersScorer":
        """The same with another popularity (items,) and with what it counts for all users or for each (users,)."""
        users, items = self.user_vectors.copy(), self.item_vectors.copy()
        users[:, -1], items[:, -1] = weights, log_popularity
        return replace(self, user_vectors=users, item_vectors=items)

    def scaling(self, columns: slice, factor: float) -> "KnownUsersScorer":
        """The same with some coordinates counting so many times as much."""
        users = self.user_vectors.copy()
        users[:, columns] *= factor
        return replace(self, user_vectors=users)


def embed_catalogue(model: TwoTower, items: ItemBatch, log_popularity: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(items, dim + BEHIND): vectors of prepared items, the bias for «wanted», and the log of popularity (items,)."""
    with torch.inference_mode():
        parts = [model.embed_items(block) for block in item_blocks(items)]
        vectors = torch.cat([part[0] for part in parts])
        bias = torch.cat([part[1][:, WANTED] for part in parts])
    return np.concatenate([vectors.numpy(), bias.numpy()[:, None], log_popularity[:, None]], axis=1).astype(np.float32)


def item_blocks(items: ItemBatch, size: int = 65_536) -> Iterator[ItemBatch]:
    """The same items, some at a time, none copied."""
    for start in range(0, len(items), size):
        yield items.select(slice(start, start + size))

"""Items that read, or failing that look or sound, like those the user wanted: the one classic model that knows new items."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.items import Items
from recsys.models.baselines.liked import liked_by, num_likes

FIRST = ("text", "description", "image")
"""What an item is compared by where it has it, before any other modality."""
NO_CONTENT = -2.0
"""Score of an item without any content: below every cosine."""


class NoContentError(ValueError):
    """Nothing is known of the items but their ids."""


class ContentKNN:
    """Score an item by the cosine between it and the mean of the user's liked items.

    An item with text is compared by text, any other by description, then by image, what has none of them by another modality, in
    alphabetical order; vectors are centred over the catalogue first, since encoders put all their outputs into one narrow cone. A user
    none of whose liked items has content gets popularity.

    Args:
        interactions: The past, for popularity only: nothing is learned.
        items: The catalogue with the vectors of its modalities.

    Raises:
        NoContentError: The catalogue has no vectors.
    """

    name = "content_knn"

    def __init__(self, interactions: Interactions, items: Items) -> None:
        self.popularity = num_likes(interactions)
        self.views: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]] = []
        taken = np.zeros(len(items), bool)
        for modality in sorted(items.vectors, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
            if items.presence[modality].any():
                present = items.presence[modality]
                self.views.append((_centred(items.vectors[modality], present), present & ~taken))
                taken |= present
        if not self.views:
            raise NoContentError(
                "content_knn needs item vectors; no item of the catalogue has one of any modality. "
                "Leave it out of [evaluation] baselines or run embed_items first."
            )

    def scores(self, past: Interactions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(users, items): cosines from -1 to 1, NO_CONTENT for an item without any; numbers of likes for an unknown user."""
        profile = liked_by(past, rows)
        scores = np.full(profile.shape, NO_CONTENT, np.float32)
        known = np.zeros(len(rows), bool)
        for vectors, compared in self.views:
            taste = profile @ vectors  # (users, dim); rows of items without the modality are zero
            length = np.linalg.norm(taste, axis=1, keepdims=True)
            known |= length[:, 0] > 0
            scores[:, compared] = (taste / np.where(length > 0, length, 1)) @ vectors[compared].T
        scores[~known] = self.popularity
        return scores


def _centred(vectors: npt.NDArray[np.float32], present: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Unit vectors around the mean of those present; zero where absent."""
    moved = np.where(present[:, None], vectors - vectors[present].mean(axis=0), 0)
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (moved / np.where(length > 0, length, 1)).astype(np.float32)
    return unit

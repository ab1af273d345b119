"""Items like an item: by what can be seen and read of it, or, where there is nothing, by who wants it."""

import numpy as np
import numpy.typing as npt

from recsys.slate.recommend import Slate
from recsys.slate.release_reader import Release


def similar(release: Release, item_index: int, visible: npt.NDArray[np.bool_], *, k: int) -> Slate:
    """The k visible items most like this one, itself left out; scores are cosines."""
    others = visible.copy()
    others[item_index] = False
    by_content = bool(release.content_presence[item_index])
    rows = np.flatnonzero(others & release.content_presence) if by_content else np.flatnonzero(others)
    cosine = _cosine(release, item_index, rows, by_content=by_content)
    best = np.argsort(-cosine, kind="stable")[:k]
    found, scores = rows[best], cosine[best]
    if len(found) < k and by_content:  # items without content come last, by who wants them
        bare = np.flatnonzero(others & ~release.content_presence)
        worth = _cosine(release, item_index, bare, by_content=False)
        more = np.argsort(-worth, kind="stable")[: k - len(found)]
        found, scores = np.concatenate([found, bare[more]]), np.concatenate([scores, worth[more]])
    return Slate(found, scores, "content" if by_content else "behaviour", "exact")


def _cosine(release: Release, item_index: int, rows: npt.NDArray[np.int64], *, by_content: bool) -> npt.NDArray[np.float32]:
    vectors = release.content_vectors if by_content else release.tower_vectors
    own, others = vectors[item_index], vectors[rows]
    length = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
    cosine: npt.NDArray[np.float32] = (others @ own / np.where(length > 0, length, 1)).astype(np.float32)
    return cosine

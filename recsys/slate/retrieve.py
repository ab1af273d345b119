"""From a history to candidates: user tower, then the index under a mask; what the index does not give, an exact scan does."""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from feature_store.online.protocol import UserState
from recsys.data.item_to_item import with_asked_parts
from recsys.data.sequences import Histories
from recsys.slate.histories import user_history
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class Candidates:
    """Items, best first."""

    item_index: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    path: str
    """`ann`: the index gave enough; `wider`: it had to probe every list; `exact`: every visible item was scored; `popular`: fallback."""


def user_vectors(release: Release, histories: Histories) -> npt.NDArray[np.float32]:
    """(users, all dims): what the users of these histories want, by the user tower and the parts of the score beside it."""
    feeds = {
        "item_vectors": release.tower_vectors[histories.item_index],
        "kinds": histories.kind,
        "ages_days": histories.age_days,
    }
    if release.user_attributes:
        feeds["attributes"] = histories.attributes
    vectors: npt.NDArray[np.float32] = release.user_tower.run(["user_vector"], feeds)[0]
    return with_asked_parts(vectors, release.parts, release.item_vectors, histories.whole)


def stranger_vector(release: Release) -> npt.NDArray[np.float32]:
    """(all dims,): what a user wants of whom nothing is known."""
    vector: npt.NDArray[np.float32] = user_vectors(release, user_history(UserState(), release).for_tower(release.excerpt))[0]
    return vector


def retrieve(release: Release, user_vector: npt.NDArray[np.float32], visible: npt.NDArray[np.bool_], *, k: int) -> Candidates:
    """The k visible items of highest score: exactly them from a flat index, nearly from a large one (its recall is in `index.json`).

    Args:
        release: Whose vectors and index.
        user_vector: (all dims,)
        visible: (items,) what may be shown.
        k: How many; fewer come only when fewer are visible.
    """
    k = min(k, int(visible.sum()))
    if k == 0:
        return _empty("ann")
    inside = int((visible & release.indexed).sum())
    young = np.flatnonzero(visible & ~release.indexed)  # on sale only since the night: too few for an index, scored one by one
    wanted = min(k, inside)
    path, found = "ann", _search(release, user_vector, visible, k=wanted, wide=False)
    if len(found) < wanted and release.index_description.nprobe:
        path, found = "wider", _search(release, user_vector, visible, k=wanted, wide=True)
    if len(found) < wanted:
        path, found = "exact", np.flatnonzero(visible & release.indexed)
    best, scores = _best(release, user_vector, np.concatenate([found, young]), k=k)
    return Candidates(best, scores, path)


def popular(release: Release, visible: npt.NDArray[np.bool_], *, k: int) -> Candidates:
    """The k visible items that the retriever has for users of whom nothing is known; of equals the older row first."""
    rows = np.flatnonzero(visible)
    best = rows[np.argsort(-release.popularity[rows], kind="stable")[:k]]
    return Candidates(best, release.popularity[best], "popular")


def _search(
    release: Release, user_vector: npt.NDArray[np.float32], visible: npt.NDArray[np.bool_], *, k: int, wide: bool
) -> npt.NDArray[np.int64]:
    if k == 0:
        return np.zeros(0, np.int64)
    bits = np.packbits(visible, bitorder="little")
    library: Any = faiss  # its stubs do not know the keyword arguments its Python layer adds
    selector = library.IDSelectorBitmap(bits)
    if release.index_description.nprobe:
        index = faiss.extract_index_ivf(release.index)
        asked = library.SearchParametersIVF(sel=selector, nprobe=index.nlist if wide else release.index_description.nprobe)
    else:
        asked = library.SearchParameters(sel=selector)
    depth = min(2 * k + 50, int((visible & release.indexed).sum()))  # rounded vectors swap items at the cut; exact scores decide
    ids: npt.NDArray[np.int64] = release.index.search(user_vector[None], depth, params=asked)[1][0]
    return np.unique(ids[ids >= 0])


def _best(
    release: Release, user_vector: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], *, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The index may hold rounded vectors; the order is that of exact scores."""
    scores = release.item_vectors[rows] @ user_vector
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def _empty(path: str) -> Candidates:
    return Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32), path)

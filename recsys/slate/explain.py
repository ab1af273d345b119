"""Why an item is recommended to a user: the parts that its retrieval score is a sum of, and what each event of the history adds to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.data.sequences import Histories
from recsys.slate.release_reader import Release, ReleaseFormatError
from recsys.slate.retrieve import user_vectors


@dataclass(frozen=True)
class Explanation:
    """Of one retrieval score; the ranker, which orders what was retrieved, is not explained."""

    score: float
    parts: Mapping[str, float]
    """`fused`: id, photo, texts and category as the item tower mixes them, or `fused.<what>` where they keep apart (late ensemble);
    `match.<modality>`: content alike that of the history, as learned; `linear`: what the log says of pairs of items in closed form;
    `likeness`: content alike that of the history, not learned, of items too new to be known; `bias`: what the item is worth to everybody;
    `popularity`: the prior. They add up to the score."""
    events: npt.NDArray[np.int64]
    """Places in the user's whole history, the one that adds most first."""
    worth: npt.NDArray[np.float64]
    """(events,): how much lower the score were, had the event not happened and the tower read the others; below 0 where it speaks
    against the item."""
    user_vector: npt.NDArray[np.float32]
    """(all dims,)"""


def explain(release: Release, history: Histories, item_index: int, *, newest: int) -> Explanation:
    """Take the score of an item apart, and ask for it again without each event.

    Args:
        release: Whose retriever.
        history: Of a single user; without events the score is that of every stranger, and there is nothing to ask again.
        item_index: The item.
        newest: Events to judge, of those that the user tower reads.

    Raises:
        ReleaseFormatError: The release does not say what its item vectors are made of.
    """
    vector = user_vectors(release, history)[0]
    item = release.item_vectors[item_index].astype(np.float64)
    products = vector * item
    parts = {name: float(products[place].sum()) for name, place in vector_parts(release).items()}
    if not len(history.whole.item_index):
        return Explanation(float(products.sum()), parts, np.zeros(0, np.int64), np.zeros(0), vector)
    place, inside = release.excerpt.places(np.diff(history.whole.offsets))
    read = place[0, inside[0]]
    columns = np.arange(max(0, len(read) - newest), len(read))
    events = read[columns]
    without = user_vectors(release, replace(_without_each(history, columns), whole=_past_without_each(history.whole, events)))
    without[:, -1] = vector[-1]  # what popularity counts for a user with a history, also where its only event is left out
    worth = products.sum() - without @ item
    order = np.argsort(-worth, kind="stable")
    return Explanation(float(products.sum()), parts, events[order], worth[order], vector)


def vector_parts(release: Release) -> dict[str, npt.NDArray[np.int64]]:
    """Part of a score -> its coordinates in user and item vectors; those of an ensemble stand member by member.

    Raises:
        ReleaseFormatError: The release does not say it.
    """
    told = release.serving.get("vector_parts")
    if told is None:
        raise ReleaseFormatError(
            f"release {release.release_id} was published by a version that could not explain scores. Run `vitrine nightly`."
        )
    part_of = np.repeat([name for name, _ in told], [size for _, size in told])  # (all dims,)
    return {name: np.flatnonzero(part_of == name) for name in dict.fromkeys(part_of.tolist())}


def _without_each(history: Histories, columns: npt.NDArray[np.int64]) -> Histories:
    """One user per column: what the tower has read of a single one, without that column."""
    width = history.item_index.shape[1]
    kept = np.tile(np.arange(width), (len(columns), 1))
    kept = kept[kept != columns[:, None]].reshape(len(columns), width - 1) if width > 1 else kept
    age = history.age_days[0][kept]
    return replace(
        history,
        item_index=history.item_index[0][kept],
        kind=history.kind[0][kept] if width > 1 else np.zeros_like(kept),
        age_days=age - age.min(axis=1, keepdims=True),
        attributes=np.repeat(history.attributes, len(columns), axis=0),
    )


def _past_without_each(past: Interactions, events: npt.NDArray[np.int64]) -> Interactions:
    """One user per event: the same past, had that event not happened."""
    size = len(past.item_index)
    kept = np.tile(np.arange(size), (len(events), 1))
    kept = kept[kept != events[:, None]].reshape(len(events), size - 1)
    return replace(
        past,
        user_ids=np.arange(len(events)).astype(object),
        offsets=np.arange(len(events) + 1) * (size - 1),
        item_index=past.item_index[kept].ravel(),
        kind=past.kind[kept].ravel(),
        event_time=past.event_time[kept].ravel(),
        known_at=past.known_at[kept].ravel(),
        attributes={},
    )

"""A sampled answer made again: raw rows through the reference, as the matrix the ranker should have read."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from feature_store.served_samples import ServedSample
from pipelines.parity import reference
from pipelines.parity.reference import Columns, Past, RawEvent, RawItem
from recsys.slate.release_reader import Release


def past_of(events: Sequence[RawEvent], release: Release) -> list[tuple[RawEvent, str]]:
    """What the ranker should know of a user with these events, which come in the order in which they were taken in."""
    relevance, length = release.relevance, int(release.ranking["history_length"])
    events = [event for event in events if event.event_type not in relevance.ignored]
    opinions = any(name in ("rating", "review") and name not in relevance.ignored for name in relevance.events)
    stars = relevance.positive_rating
    return reference.newest_distinct(events, known=release.items.vocabulary, positive_rating=stars, opinions=opinions, length=length)


def recompute(
    sample: ServedSample, past: Sequence[tuple[RawEvent, str]], items: Mapping[str, RawItem], release: Release
) -> npt.NDArray[np.float64]:
    """(candidates, features): columns as in the sample.

    Args:
        sample: Of an answer with at least one candidate.
        past: Of its user, of `past_of`.
        items: Its candidates and the items of `past`, by id.
        release: That gave the answer.
    """
    candidates = [items[item_id] for item_id in sample.item_ids]
    known = [Past(item=items[event.item_id], act=act, age=max(sample.time - event.event_time, 0) / reference.DAY) for event, act in past]
    columns: Columns = reference.retrieval(sample.retrieval_scores.tolist())
    columns |= reference.popularity(candidates) | reference.age(candidates, now=sample.time) | reference.price(candidates, known)
    columns |= reference.category(candidates, known) | reference.history(known, size=len(candidates))
    for modality in release.ranking_items.modalities:
        columns |= reference.content(candidates, known, modality=modality)
    for name in candidates[0].taken:
        columns |= reference.taken(candidates, name=name)
    return np.array([columns[name] for name in sample.feature_names]).T

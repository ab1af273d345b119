"""A sampled answer made again: raw rows through the reference, as the scores and the matrix that the ranker should have read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.served_samples import ServedSample
from pipelines.parity import reference
from pipelines.parity.counting import DAY
from pipelines.parity.reference import KINDS, Columns, Past, RawEvent, RawItem
from recsys.slate.release_reader import Release


def past_of(events: Sequence[RawEvent], release: Release) -> list[tuple[RawEvent, str]]:
    """What models should know of a user with these events, which come in the order in which they were taken in; oldest first."""
    relevance = release.relevance
    events = [event for event in events if event.event_type not in relevance.ignored]
    opinions = any(name in ("rating", "review") and name not in relevance.ignored for name in relevance.events)
    stars = relevance.positive_rating
    return reference.newest_distinct(events, known=release.items.vocabulary, positive_rating=stars, opinions=opinions)


def retrieval_scores(
    sample: ServedSample, past: Sequence[tuple[RawEvent, str]], said: Mapping[str, str], items: Mapping[str, RawItem], release: Release
) -> npt.NDArray[np.float64]:
    """(candidates,): what the user tower of the release makes of the history, and further parts of the score, times the vectors of the
    release; see `recompute`.

    `said` is what the shop says of the user, attribute -> value.
    """
    read = read_by_tower(past, release.serving)
    rows = [items[event.item_id].row for event, _ in read]
    ages = [(read[-1][0].event_time - event.event_time) / DAY for event, _ in read]
    padding = [0] * (not read)
    history = {
        "item_vectors": release.tower_vectors[[*rows, *padding]][None],
        "kinds": np.array([[*(KINDS[act] for _, act in read), *padding]], np.int64),
        "ages_days": np.array([[*ages, *padding]], np.float32),
    }
    if release.user_attributes:
        slots = [[*values].index(said[name]) + 1 if said.get(name) in values else 0 for name, values in release.user_attributes.items()]
        history["attributes"] = np.array([slots], np.int64)
    asked = release.user_tower.run(["user_vector"], history)[0][0].astype(np.float64).tolist()
    bias, popularity = asked.pop(-2), asked.pop()
    for part in release.serving.get("parts", ()):
        asked += _asked_of_part(part, past, items, release, start=len(asked))
    user_vector = np.array([*asked, bias, popularity])
    own = [release.item_vectors[items[item_id].row] for item_id in sample.item_ids]
    return np.array([float(vector.astype(np.float64) @ user_vector) for vector in own])


def read_by_tower(past: Sequence[tuple[RawEvent, str]], serving: Mapping[str, Any]) -> Sequence[tuple[RawEvent, str]]:
    """The newest events; or half so many, and the others out of what is older, from end to end in steps that are all but equal."""
    length = int(serving["history_length"])
    if len(past) <= length or not serving.get("reads_older"):
        return past[-length:]
    spread = length // 2
    newest, older = past[spread - length :], past[: spread - length]
    return [*(older[step * (len(older) - 1) // max(spread - 1, 1)] for step in range(spread)), *newest]


def _asked_of_part(
    part: Mapping[str, Any], past: Sequence[tuple[RawEvent, str]], items: Mapping[str, RawItem], release: Release, *, start: int
) -> list[float]:
    """Coordinates of a user in a part of the score, event by event; the last of an item is how many times as long it is when it is read."""
    end = start + part["dim"]
    asked, number = np.zeros(part["dim"]), 0
    for event, act in past:
        worth = part["kind_worth"][KINDS[act]]
        vector = release.item_vectors[items[event.item_id].row].astype(np.float64)
        asked += worth * vector[end] * vector[start:end]
        number += worth > 0
    return [*(part["weight"] * asked / max(number, 1) ** 0.5).tolist(), 0.0]


def recompute(
    sample: ServedSample, past: Sequence[tuple[RawEvent, str]], items: Mapping[str, RawItem], release: Release
) -> npt.NDArray[np.float64]:
    """(candidates, features): columns as in the sample, where the retriever put the candidates by the scores of the sample.

    Args:
        sample: Of an answer with at least one candidate.
        past: Of its user, of `past_of`.
        items: Its candidates and the items of `past`, by id.
        release: That gave the answer.
    """
    candidates, read = [items[item_id] for item_id in sample.item_ids], past[-int(release.ranking["history_length"]) :]
    known = [Past(item=items[event.item_id], act=act, age=max(sample.time - event.event_time, 0) / DAY) for event, act in read]
    columns: Columns = reference.retrieval(sample.retrieval_scores.tolist())
    columns |= reference.popularity(candidates) | reference.age(candidates, now=sample.time) | reference.price(candidates, known)
    columns |= reference.category(candidates, known) | reference.history(known, size=len(candidates))
    for modality in release.ranking_items.modalities:
        columns |= reference.content(candidates, known, modality=modality)
    for name in ("click_rate", "mean_rating", *release.ranking_items.further):
        columns |= reference.mean_or_count(candidates, name=name)
    return np.array([columns[name] for name in sample.feature_names]).T

"""`vitrine parity`: sampled answers of the champion held against what raw events say the ranker should have read."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from feature_store.layout import Workspace
from feature_store.manifest import Manifest
from feature_store.online.protocol import OnlineStore, PostedEvent
from feature_store.served_samples import ServedSample, sample_files, sample_lines
from pipelines.config import Config
from pipelines.online_store import open_online_store
from pipelines.parity.difference import FeatureDifference, beyond, feature_differences, ranking_overlap
from pipelines.parity.numbers import number_candidates, taken_from_release
from pipelines.parity.raw import moment_of, read_items, read_log, read_said
from pipelines.parity.recompute import past_of, recompute, retrieval_scores
from pipelines.parity.reference import RawEvent
from pipelines.recommend import release_folder
from recsys.data.relevance import Relevance
from recsys.slate.release_reader import Release, read_release

SCORE = "retrieval_score"
"""Name of what is compared beside the features."""
USERS_AT_ONCE = 100
OTHER_RELEASE = "answered by another release"
ADDED = "answered while items were added to the release, whose features are not made again"
OTHER_SNAPSHOT = "answered from the snapshot of another night, which is gone"
GONE = "posted events that the answer knew of are gone from the online store"
LATE = "events of before the answer were posted after it"


class ParityError(Exception):
    """There is nothing to compare, or it cannot be read."""


class OtherRelevanceError(ParityError):
    """The snapshot says of users what other settings make of their events than those of the release."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What a comparison has found."""

    release_id: str
    requests: int
    newest: datetime
    """When the newest of them was answered."""
    tolerance: float
    """Difference from which on a feature counts as differing."""
    left_out: Mapping[str, int]
    """Why samples were not compared -> how many."""
    features: Sequence[FeatureDifference]
    """The score of retrieval, then all in the order of the ranker."""
    k: int
    overlap: float
    """Mean over the requests of the share of the k best that stays; see `ranking_overlap`."""
    lowest_overlap: float
    differing: Sequence[str]
    """Ids of requests in which a feature differs, the newest first."""

    @property
    def passed(self) -> bool:
        """Whether no feature differs by more than the tolerance."""
        return not self.differing


def run_parity(config: Config, *, requests: int) -> Parity:
    """Make the newest sampled answers of the champion again.

    Args:
        config: The shop's; `[gates] max_parity_difference` is the tolerance.
        requests: At most so many.

    Raises:
        ParityError: No sample can be compared, for want of one or because log, snapshot and release do not go together.
        RecommendError: No release has been promoted.
        MissingTableError: There is no log, or no snapshot.
    """
    workspace = config.open_workspace()
    release = read_release(release_folder(workspace, ""))
    snapshot = workspace.read("snapshot").manifest
    _require_one_world(workspace, release, snapshot)
    left_out: Counter[str] = Counter()
    chosen: list[tuple[ServedSample, list[PostedEvent]]] = []
    with contextlib.closing(open_online_store(config)) as store:
        for sample, posted in _with_posted(newest_samples(workspace), store):
            why = _unfit(sample, release, snapshot.content_digest, posted)
            left_out.update([why] if why else [])
            if why is None:
                chosen.append((sample, [event for event in posted if event.event_id in set(sample.posted)]))
            if len(chosen) == requests:
                break
    if not chosen:
        why = "".join(f"; {count:,} {reason}" for reason, count in left_out.items())
        raise ParityError(
            f"no sampled answer of release {release.release_id} can be compared{why}. "
            "Run `vitrine serve --sample-requests 0.01` and let it answer known users."
        )
    as_of = datetime.fromisoformat(snapshot.facts["as_of"])
    return _compare(workspace, release, chosen, left_out, snapshot=as_of, tolerance=config.gates.max_parity_difference)


def _require_one_world(workspace: Workspace, release: Release, snapshot: Manifest) -> None:
    """That the log is the one of which the snapshot was made, by the settings of the release."""
    if snapshot.facts.get("events") != workspace.read("events").manifest.content_digest:
        raise ParityError("the log has changed since the snapshot that the API answers from was made of it")
    if workspace.exists("users") and snapshot.facts.get("users") != workspace.read("users").manifest.content_digest:
        raise ParityError("what is said of users has changed since the snapshot that the API answers from was made of it")
    if "relevance" not in snapshot.facts:
        raise ParityError("the snapshot that the API answers from is of an older version and does not say of which [relevance] it is")
    if Relevance.read(snapshot.facts["relevance"]) != release.relevance:
        raise OtherRelevanceError(
            f"the snapshot that the API answers from was made with another [relevance] than release {release.release_id}, "
            "which until one with the same is promoted reads histories that it has not learned from"
        )


def newest_samples(workspace: Workspace) -> Iterator[ServedSample]:
    """All samples of the workspace, newest first; lines that were cut off are passed over."""
    for file in reversed(sample_files(workspace.served)):
        yield from filter(None, map(ServedSample.from_line, reversed(list(sample_lines(file)))))


def _with_posted(samples: Iterator[ServedSample], store: OnlineStore) -> Iterator[tuple[ServedSample, Sequence[PostedEvent]]]:
    """Each with what its user has posted to this day."""
    while some := list(islice(samples, USERS_AT_ONCE)):
        users = store.users([sample.user_id for sample in some])
        yield from ((sample, user.posted) for sample, user in zip(some, users, strict=True))


def _unfit(sample: ServedSample, release: Release, snapshot: str, posted: Sequence[PostedEvent]) -> str | None:
    """Why what the sample was made from is not at hand any more; None: it is."""
    known, there = set(sample.posted), {event.event_id for event in posted}
    reasons = {
        OTHER_RELEASE: sample.release_id != release.release_id,
        ADDED: sample.additions > 0,
        OTHER_SNAPSHOT: sample.snapshot != snapshot,
        GONE: bool(known - there),
        LATE: any(event.event_time <= sample.time and event.event_id not in known for event in posted),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _compare(
    workspace: Workspace,
    release: Release,
    chosen: Sequence[tuple[ServedSample, Sequence[PostedEvent]]],
    left_out: Mapping[str, int],
    *,
    snapshot: datetime,
    tolerance: float,
) -> Parity:
    samples = [sample for sample, _ in chosen]
    taken = taken_from_release(workspace, release)
    log = read_log(
        workspace.read("events"),
        release.relevance,
        users=[sample.user_id for sample in samples],
        item_ids=[item_id for sample in samples for item_id in sample.item_ids],
        snapshot=snapshot,
        moment=moment_of(release),
    )
    pasts = [past_of([*log.of_users[sample.user_id], *map(_raw, posted)], release) for sample, posted in chosen]
    users = workspace.read("users") if workspace.exists("users") else None
    said = read_said(users, {sample.user_id for sample in samples}, snapshot=snapshot) if users else {}
    items = read_items(release, log.of_items.keys() | {event.item_id for past in pasts for event, _ in past})
    items |= number_candidates(workspace, release, items, log.of_items, taken)
    served = [np.c_[sample.retrieval_scores, sample.features] for sample in samples]
    right = [
        np.c_[retrieval_scores(sample, past, said.get(sample.user_id, {}), items, release), recompute(sample, past, items, release)]
        for sample, past in zip(samples, pasts, strict=True)
    ]
    pairs, k = list(zip(served, right, strict=True)), int(release.serving["k"])
    overlaps = [ranking_overlap(release, *pair, k=k) for pair in pairs]
    apart = [beyond(*pair, tolerance).any() for pair in pairs]
    names = (SCORE, *release.ranking["feature_names"])
    return Parity(
        release_id=release.release_id,
        requests=len(samples),
        left_out=dict(left_out),
        newest=datetime.fromtimestamp(max(sample.time for sample in samples) / 1e6, UTC),
        tolerance=tolerance,
        features=feature_differences(names, served, right, taken=taken, tolerance=tolerance),
        k=k,
        overlap=sum(overlaps) / len(overlaps),
        lowest_overlap=min(overlaps),
        differing=[sample.request_id for sample, differs in zip(samples, apart, strict=True) if differs],
    )


def _raw(event: PostedEvent) -> RawEvent:
    return RawEvent(event.item_id, event.event_type, event.value, event.event_time, event.event_time)

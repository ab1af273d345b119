"""Some answers in all detail, for `vitrine parity` to make again from raw events."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from feature_store.errors import OnlineStoreError
from feature_store.online.protocol import OnlineStore, UserState
from feature_store.served_log import ServedLog
from feature_store.served_samples import ServedSample
from recsys.slate.rank import RankerInput
from recsys.slate.recommend import Slate
from serving.keeper import Served

logger = logging.getLogger(__name__)


@dataclass
class Sampling:
    """One request that is sampled, while it is answered."""

    request_id: str
    user_id: str
    """By the name of the store."""
    snapshot: str | None
    """Version of the snapshot before the user was read."""
    asked: RankerInput | None = None
    """None where the ranker was not asked."""

    def hear(self, asked: RankerInput) -> None:
        """Remember what the ranker is asked."""
        self.asked = asked


class Sampler:
    """One per process.

    Args:
        folder: Of the samples.
        store: Says who was erased, and from which snapshot it answers.
        share: Of the requests, from 0 to 1.
    """

    def __init__(self, folder: Path, store: OnlineStore, *, share: float) -> None:
        self._log, self._store, self._share = ServedLog(folder), store, share
        self._warned = False

    def begin(self, request_id: str, user_id: str) -> Sampling | None:
        """A request is about to be answered; None if it is not sampled, which its id alone decides."""
        digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
        if int.from_bytes(digest) >= self._share * 2**64:
            return None
        return Sampling(request_id, user_id, self._store.snapshot_version())

    def keep(self, sampling: Sampling, served: Served, known: UserState, slate: Slate, *, now: int) -> None:
        """Write an answer down if the ranker made it; what goes wrong costs the sample, and is told once.

        Args:
            sampling: Begun before the user was read.
            served: Who answered.
            known: What was read of the user.
            slate: The answer.
            now: Its moment, microseconds since 1970 UTC.
        """
        if sampling.asked is None:
            return
        ids = served.release.items.vocabulary.ids
        sample = ServedSample(
            request_id=sampling.request_id,
            time=now,
            user_id=sampling.user_id,
            release_id=served.release.release_id,
            snapshot=sampling.snapshot,
            additions=served.additions,
            posted=tuple(event.event_id for event in known.posted),
            item_ids=tuple(ids(sampling.asked.item_index)),
            retrieval_scores=sampling.asked.retrieval_scores,
            feature_names=tuple(served.release.ranking["feature_names"]),
            features=sampling.asked.features,
            slate=tuple(ids(slate.item_index)),
        )
        try:
            if self._store.snapshot_version() == sampling.snapshot:  # or a new snapshot came in between
                self._log.append(sample, erased=lambda name: self._store.tombstones().holds(name))
        except (OSError, OnlineStoreError) as error:
            if not self._warned:
                logger.warning("answers cannot be sampled in %s: %s. Requests are answered all the same.", self._log.folder, error)
            self._warned = True

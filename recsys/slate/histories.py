"""A user's behaviour as of now: the night's snapshot and what was posted since, as the arrays every model reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from feature_store.online.protocol import PostedEvent, UserState
from recsys.data.excerpt import Excerpt
from recsys.data.interactions import Interactions
from recsys.data.ranking_features import RankingHistory
from recsys.data.ranking_lists import histories_at
from recsys.data.relevance import SEEN_KINDS
from recsys.data.sequences import Histories, read_histories
from recsys.data.user_attributes import known_slots
from recsys.slate.release_reader import Release


@dataclass(frozen=True)
class UserHistory:
    """One user in the rows of one release."""

    past: Interactions
    """Of a single user; distinct items, oldest first."""
    seen: npt.NDArray[np.int64]
    """item_index of everything that is no longer new to the user."""
    attributes: npt.NDArray[np.int64]
    """(1, attributes): what the shop says of the user; see `recsys.data.user_attributes.attribute_slots`."""

    @property
    def without_events(self) -> bool:
        """Whether there is nothing that the ranker could read."""
        return len(self.past.item_index) == 0

    @cached_property
    def empty(self) -> bool:
        """Whether there is nothing that any model could read."""
        return self.without_events and not self.attributes.any()

    def for_tower(self, excerpt: Excerpt) -> Histories:
        """What the user tower reads; one row."""
        events = read_histories(self.past, np.zeros(1, np.int64), excerpt, attributes={})
        return replace(events, attributes=self.attributes)

    def for_ranker(self, *, now: int, length: int) -> RankingHistory:
        """What the ranker's features read; `now` in microseconds since 1970 UTC."""
        return next(histories_at(self.past, np.zeros(1, np.int64), np.array([now]), length=length))


def user_history(state: UserState, release: Release) -> UserHistory:
    """What a release makes of a user; items it does not know are left out."""
    kinds = [release.relevance.kind_of(event.event_type, event.value) for event in state.posted]
    posted = [(event, kind) for event, kind in zip(state.posted, kinds, strict=True) if kind is not None]
    item_index = release.items.vocabulary.index([*state.item_ids, *(event.item_id for event, _ in posted)])
    kind = np.array([*state.kinds, *(kind for _, kind in posted)], np.int8)
    event_time = np.array([*state.event_times, *(event.event_time for event, _ in posted)], np.int64)
    order = np.argsort(event_time, kind="stable")
    order = order[item_index[order] >= 0]
    whole = Interactions(
        user_ids=np.array([""], dtype=object),
        offsets=np.array([0, len(order)], np.int64),
        item_index=item_index[order],
        kind=kind[order],
        event_time=event_time[order],
        known_at=event_time[order],
        relevant_kinds=release.relevance.relevant_kinds(),
        num_items=len(release.items),
    )
    before = release.items.vocabulary.index(state.seen)
    seen = np.union1d(before[before >= 0], whole.item_index[np.isin(whole.kind, SEEN_KINDS)])
    return UserHistory(whole.distinct(), seen, known_slots(release.user_attributes, state.attributes))


def ad_hoc_state(events: Sequence[PostedEvent]) -> UserState:
    """A user of whom only these events are known."""
    return UserState(posted=events)

"""What serving asks of a store of the day: users by key, events as they come, items as they change."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from feature_store.errors import OnlineStoreError
from feature_store.tombstones import Tombstones

CHANGEABLE = ("title", "price", "in_stock", "available_from", "available_to", "image_uri")
"""Fields of the catalogue that a shop may change between nights."""
POSTED_PER_USER = 2_000
"""Newest posted events of a user that an answer reads."""
DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True)
class PostedEvent:
    """One event as it came in, by the shop's own ids, so that it outlives every release."""

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    event_time: int
    """Microseconds since 1970 UTC."""
    value: float | None = None
    """Stars, money or seconds; None: none."""
    request_id: str | None = None
    """Answer of the API this followed."""
    release_id: str | None = None
    """Release that made the slate."""
    position: int | None = None
    """Rank in the slate, 1 is first."""


@dataclass(frozen=True)
class UserState:
    """What is known of a user: the night's snapshot, and what was posted to this day."""

    item_ids: Sequence[str] = ()
    """Distinct items as of the snapshot, oldest first."""
    kinds: Sequence[int] = ()
    event_times: Sequence[int] = ()
    """Microseconds since 1970 UTC."""
    seen: frozenset[str] = frozenset()
    """Every item that was no longer new to the user as of the snapshot."""
    posted: Sequence[PostedEvent] = ()
    """Events posted, oldest first."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the shop said of the user by the snapshot."""

    @classmethod
    def read(cls, history: Sequence[Any], seen: Sequence[str], posted: Sequence[PostedEvent]) -> Self:
        """What `OnlineStore.load_snapshot` was told of a user, and what was posted since."""
        item_ids, kinds, event_times, *attributes = history
        return cls(item_ids, kinds, event_times, frozenset(seen), posted, *attributes)

    @property
    def known(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.item_ids or self.posted or self.seen or self.attributes)


@dataclass(frozen=True)
class ItemChanges:
    """How items differ from the catalogue of the release."""

    revision: int = 0
    """Grows with every change."""
    withdrawn: frozenset[str] = frozenset()
    """Items that may no longer be shown."""
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """item_id -> new values of fields of `CHANGEABLE`."""


@dataclass(frozen=True)
class AddedItem:
    """An item that came after the night, as one release describes it."""

    row: Mapping[str, Any]
    """Of the table `catalogue`; times in microseconds since 1970 UTC."""
    item_vector: bytes
    """float32, as a row of the release's `item_vectors.npy`."""
    content_vector: bytes
    """float32, as a row of the release's `content_vectors.npy`."""
    popularity: float
    """As in the release's `popularity.npy`."""

    @property
    def item_id(self) -> str:
        """The shop's own id."""
        return str(self.row["item_id"])


def oldest_shown(posted_days: int) -> int:
    """Time before which a posted event is too old to be taken in or shown, in microseconds since 1970 UTC; `posted_days` 0: none is."""
    return time.time_ns() // 1000 - posted_days * DAY_MICROSECONDS if posted_days else -(2**62)


class OnlineStore(Protocol):
    """Kept by item_id and user_id: a new release re-indexes items without touching it.

    Users are called here by their names in the store (`feature_store.user_names`).
    """

    @property
    def where(self) -> str:
        """The file or the address, as messages may name it."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def user(self, user_id: str) -> UserState:
        """One user, in one round trip; an empty state for a stranger. Of posted events the newest POSTED_PER_USER."""
        ...

    def users(self, user_ids: Sequence[str]) -> list[UserState]:
        """Several users in one round trip, all from one snapshot, in the order of the ids."""
        ...

    def some_users(self, limit: int) -> list[str]:
        """At most `limit` ids of users of the snapshot that is read."""
        ...

    def append(self, events: Sequence[PostedEvent]) -> int:
        """Take events in, all or none, each id once, none of a user who was erased or that is too old; how many were new."""
        ...

    def forget_posted(self, *, before: int) -> None:
        """Drop posted events that happened before a moment, in microseconds since 1970 UTC."""
        ...

    def snapshot_version(self) -> str | None:
        """Version of the snapshot that is read; None before the first."""
        ...

    def load_snapshot(self, version: str, users: Iterable[tuple[str, str, str]]) -> None:
        """Bring a night's snapshot in beside the one that is read, then read it instead, whole.

        Args:
            version: Its name; loading the version that is read does nothing.
            users: user_id, JSON of [item_ids, kinds, event times in microseconds] and, where there are any, attributes as an object, JSON
                of the seen item ids.
        """
        ...

    def tombstones(self) -> Tombstones:
        """Who was erased."""
        ...

    def set_tombstones(self, tombstones: Tombstones) -> None:
        """Know these erased users, and no others, from now on."""
        ...

    def erase(self, user_ids: Sequence[str]) -> int:
        """Remove all rows of these users, and every byte of them from the files of the store; how many rows there were."""
        ...

    def key_id(self) -> str | None:
        """`UserNames.key_id` of the names that users have here; None while nobody has said, which means the shop's own ids."""
        ...

    def set_key_id(self, key_id: str) -> None:
        """Say by which key users are named from now on; events that were posted under other names find nobody any more and go."""
        ...

    def revision(self) -> int:
        """Revision of the item changes, cheap to ask."""
        ...

    def item_changes(self) -> ItemChanges:
        """All changes in force."""
        ...

    def change_item(self, item_id: str, values: Mapping[str, Any]) -> None:
        """New values of some fields of an item, until the next release brings them itself; times are microseconds since 1970 UTC.

        Raises:
            OnlineStoreError: A field may not be changed between nights.
        """
        ...

    def withdraw(self, item_ids: Sequence[str]) -> None:
        """Never show these items again."""
        ...

    def restore(self, item_ids: Sequence[str]) -> None:
        """Take back `withdraw`."""
        ...

    def additions_version(self, release_id: str) -> int:
        """Grows with every `add_items` to this release, cheap to ask; 0 before the first."""
        ...

    def added_items(self, release_id: str) -> Sequence[AddedItem]:
        """Items that were added to this release, in the order of their ids."""
        ...

    def add_items(self, release_id: str, items: Sequence[AddedItem]) -> None:
        """Add items to a release, all or none; one that was added before is replaced."""
        ...

    def forget_additions(self, *, keep: Sequence[str]) -> None:
        """Drop what was added to releases other than these."""
        ...


def check_changeable(item_id: str, values: Mapping[str, Any]) -> None:
    """Refuse changes of fields that only the night may bring.

    Raises:
        OnlineStoreError: There is one.
    """
    unknown = sorted(set(values) - set(CHANGEABLE))
    if unknown:
        raise OnlineStoreError(f"fields {unknown} of item {item_id} cannot change between nights; these can: {', '.join(CHANGEABLE)}")

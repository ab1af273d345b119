"""What serving asks of a store of the day: users by key, events as they come, items as they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from feature_store.tombstones import Tombstones

CHANGEABLE = ("title", "price", "in_stock", "available_from", "available_to", "image_uri")
"""Fields of the catalogue that a shop may change between nights."""


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

    @property
    def known(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.item_ids or self.posted or self.seen)


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


class OnlineStore(Protocol):
    """Kept by item_id and user_id: a new release re-indexes items without touching it."""

    def user(self, user_id: str) -> UserState:
        """One user, in one round trip; an empty state for a stranger."""
        ...

    def append(self, events: Sequence[PostedEvent]) -> int:
        """Take events in, each id once, none of a user who was erased; how many were new."""
        ...

    def tombstones(self) -> Tombstones:
        """Who was erased."""
        ...

    def revision(self) -> int:
        """Revision of the item changes, cheap to ask."""
        ...

    def item_changes(self) -> ItemChanges:
        """All changes in force."""
        ...

    def change_item(self, item_id: str, values: Mapping[str, Any]) -> None:
        """New values of some fields of an item, until the next release brings them itself."""
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

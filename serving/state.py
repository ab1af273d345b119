"""What every route needs, and how it gets it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from feature_store.online.protocol import OnlineStore, UserState
from feature_store.user_names import UserNames
from recsys.data.interactions import Interactions
from recsys.slate.recommend import Slate
from serving.keeper import Keeper, Served
from serving.problems import ProblemError
from serving.sampling import Sampler
from serving.settings import Settings

REASONS = {
    "personal": "fits what you looked at",
    "popular": "popular right now",
    "content": "looks and reads alike",
    "behaviour": "wanted by the same people",
}


@dataclass(frozen=True)
class State:
    """One API process."""

    settings: Settings
    store: OnlineStore
    keeper: Keeper
    names: UserNames
    sampler: Sampler

    def user(self, user_id: str) -> UserState:
        """What is known of a user, by the shop's own id."""
        return self.store.user(self.names.of(user_id))


def state_of(request: Request) -> State:
    """The process's state."""
    state: State = request.app.state.vitrine
    return state


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def item_card(served: Served, row: int) -> dict[str, Any]:
    """What is shown of an item, the day's changes in it."""
    names = ("item_id", "title", "price", "image_uri", "category")
    card = dict(zip(names, served.release.catalogue.select(names).row(row), strict=True))
    changed: Mapping[str, Any] = served.shelf.changed.get(row, {})
    return card | {name: changed[name] for name in ("title", "price", "image_uri") if name in changed}


def item_row(served: Served, item_id: str) -> int:
    """Row of an item.

    Raises:
        ProblemError: It is not known.
    """
    row = int(served.release.items.vocabulary.index([item_id])[0])
    if row < 0:
        raise ProblemError(
            404,
            "Unknown item",
            f"release {served.release.release_id} has no item {item_id[:256]!r} among its {len(served.release.items)}. "
            "Use an item_id of the catalogue; new items come with `vitrine add-items` or the next release.",
        )
    return row


def event_card(served: Served, past: Interactions, place: int) -> dict[str, Any]:
    """What is shown of an event of a user: the item, what was done, when."""
    card = item_card(served, int(past.item_index[place]))
    return {**card, "kind": int(past.kind[place]), "event_time_us": int(past.event_time[place])}


def slate_body(served: Served, slate: Slate, request_id: str) -> dict[str, Any]:
    """A slate as the API writes it."""
    reason = REASONS[slate.source]
    return {
        "request_id": request_id,
        "release_id": served.release.release_id,
        "source": slate.source,
        "path": slate.path,
        "items": [
            {**item_card(served, int(row)), "score": float(score), "reason": reason}
            for row, score in zip(slate.item_index, slate.scores, strict=True)
        ],
    }

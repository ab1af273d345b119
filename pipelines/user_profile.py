"""What is known of one user, put so that a person can read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from feature_store.schema import USER_FEATURES
from pipelines.config import Config
from pipelines.recommend import named_users, titles_of


class UnknownUserError(Exception):
    """The last night knew nothing of a user; says whom it knew and what to do."""


@dataclass(frozen=True, kw_only=True)
class LastEvent:
    """One of the newest events of its type."""

    event_time: datetime
    event_type: str
    item_id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class UserProfile:
    """A user as of the last night; times in UTC."""

    user_id: str
    """As asked for."""
    as_of: datetime
    activity: Mapping[str, int]
    """Events of the last 7 days, of the last 30 and of all time, sessions, and events that say an item was wanted."""
    last_event: datetime
    top_categories: Mapping[str, float]
    """Those most often wanted -> share of what was wanted, greatest first."""
    price_band: tuple[float, float, float] | None
    """Quartiles of the prices of what was wanted; None: unknown."""
    active_hours: Sequence[int]
    """Events in each of the 24 hours of the day, impressions left out."""
    last_events: Sequence[LastEvent]
    """Newest first; at most 5 of each type."""


def profile_user(config: Config, user_id: str) -> UserProfile:
    """Sum up one user.

    Args:
        config: The shop's.
        user_id: The shop's own id.

    Raises:
        UnknownUserError: The last night knew no event of the user but impressions; that is so of the erased too.
        MissingTableError: No night has run yet.
        UserKeyError: Users go by pseudonyms, and there is no key.
    """
    workspace = config.open_workspace()
    (name,) = named_users(config, [user_id])
    found = workspace.read("user_features").scan(USER_FEATURES).filter(pl.col("user_id") == name).collect()
    if found.is_empty():
        known = ", ".join(workspace.read("user_features").scan(USER_FEATURES).select("user_id").head(3).collect()["user_id"]) or "nobody"
        raise UnknownUserError(
            f"nothing is known of user {user_id!r}; impressions alone do not count. The last night knew {known}, ...; name one of them, or "
            "run `vitrine nightly` if events of the user have come in since."
        )
    row = found.row(0, named=True)
    return UserProfile(
        user_id=user_id,
        as_of=row["event_time"],
        activity={name: row[name] for name in ("events_7d", "events_30d", "events_all", "sessions_all", "wanted_all")},
        last_event=row["last_event"],
        top_categories={entry["category"]: entry["share"] for entry in row["top_categories"]},
        price_band=None if row["median_price"] is None else (row["low_price"], row["median_price"], row["high_price"]),
        active_hours=row["active_hours"],
        last_events=_last_events(row, titles_of(workspace)),
    )


def _last_events(row: Mapping[str, Any], titles: Mapping[str, str]) -> list[LastEvent]:
    columns = (row["last_times"], row["last_types"], row["last_item_ids"])
    return [
        LastEvent(event_time=when, event_type=kind, item_id=item_id, title=titles.get(item_id, item_id))
        for when, kind, item_id in zip(*columns, strict=True)
    ]

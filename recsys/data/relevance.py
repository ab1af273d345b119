"""Which events count as behaviour, which of them say «wanted», and which make an item seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import polars as pl
from pydantic import FiniteFloat


class Kind(IntEnum):
    """What an event in a history says; ordered by how much it says, so that of several the greatest stands for the pair.

    Opinions that the shop does not want say less than a click and more than a tag; see `Interactions.distinct`.
    """

    DWELL = 1
    TAG = 2
    CLICK = 3
    CART = 4
    PURCHASE = 5
    DISLIKED = 6
    """A rating or review below the positive rating."""
    LIKED = 7
    """A rating or review at or above it."""


NUM_KINDS = len(Kind) + 1
"""Rows of a table over kinds; row 0 is padding."""

_NAMED = {"dwell": Kind.DWELL, "tag": Kind.TAG, "click": Kind.CLICK, "cart": Kind.CART, "purchase": Kind.PURCHASE}
_STARS = ("rating", "review")

SEEN_KINDS = (Kind.CLICK, Kind.CART, Kind.PURCHASE, Kind.DISLIKED, Kind.LIKED)
"""Kinds after which an item is no longer new to the user."""


@dataclass(frozen=True, kw_only=True)
class Relevance:
    """What the shop wants its recommendations to lead to."""

    events: tuple[str, ...] = ("click", "cart", "purchase", "rating", "review")
    """Event types that say the user wanted the item; a rating or review only from `positive_rating` up."""
    positive_rating: FiniteFloat = 4.0
    """Stars from which a rating or review says «wanted»."""
    ignored: tuple[str, ...] = ()
    """Event types that are no behaviour, so that no history has them and they say of nobody what was wanted; stars and words among them
    describe items all the same."""

    def __post_init__(self) -> None:
        allowed = (*_NAMED, *_STARS)
        for name in ("events", "ignored"):
            unknown = [event for event in getattr(self, name) if event not in allowed]
            if unknown:
                raise ValueError(f"{name} names {unknown[0]!r}, which is no behaviour; known are {', '.join(allowed)}")
        if self.events and not self.relevant_kinds():
            raise ValueError(
                f"ignored names all of events ({', '.join(self.events)}), so nothing says «wanted»; leave one of them out of ignored"
            )

    @staticmethod
    def read(told: Mapping[str, Any]) -> "Relevance":
        """What a release or a table says of its own, in JSON."""
        return Relevance(
            events=tuple(told["events"]), positive_rating=float(told["positive_rating"]), ignored=tuple(told.get("ignored", ()))
        )

    def kind(self) -> pl.Expr:
        """`Kind` of an event row as Int8; null for an impression and for what is ignored, which are no behaviour.

        A rating or review without stars says nothing of liking and counts as a tag does: as context.
        """
        stars = pl.col("event_type").is_in(_STARS)
        liked = pl.when(pl.col("value") >= self.positive_rating).then(int(Kind.LIKED)).otherwise(int(Kind.DISLIKED))
        other = pl.col("event_type").replace_strict({name: int(kind) for name, kind in _NAMED.items()}, default=None, return_dtype=pl.Int8)
        return (
            pl.when(pl.col("event_type").is_in(self.ignored))
            .then(None)
            .when(stars & pl.col("value").is_null())
            .then(pl.lit(int(Kind.TAG)))
            .when(stars)
            .then(liked)
            .otherwise(other)
            .cast(pl.Int8)
            .alias("kind")
        )

    def relevant_kinds(self) -> tuple[Kind, ...]:
        """Kinds that count as wanted."""
        kinds = _NAMED | dict.fromkeys(_STARS, Kind.LIKED)
        return tuple(sorted({kinds[event] for event in self.events if event not in self.ignored}))

    def kind_of(self, event_type: str, value: float | None) -> Kind | None:
        """The same as `kind` of one event."""
        if event_type in self.ignored:
            return None
        if event_type in _STARS:
            return Kind.TAG if value is None else Kind.LIKED if value >= self.positive_rating else Kind.DISLIKED
        return _NAMED.get(event_type)

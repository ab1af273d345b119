"""What models are judged by: whom to recommend to, what may be recommended, and what each user then chose."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions
from recsys.evaluation.last_choice import evenly_spread

Scope = Literal["new", "all"]
SCOPES: tuple[Scope, ...] = ("new", "all")
"""`new`: seen items are masked and only choices new to the user count; `all`: nothing is masked and every choice counts."""


@dataclass(frozen=True)
class Choices:
    """Distinct pairs of user and item, sorted by user, then item."""

    user: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    num_users: int
    num_items: int

    def counts(self) -> npt.NDArray[np.int64]:
        """(users,): choices of each user."""
        return np.bincount(self.user, minlength=self.num_users)

    def hits(self, item_index: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the item at each rank of each user's list was chosen: (users, ranks); -1 was not."""
        wanted = self.user * self.num_items + self.item
        listed = np.arange(self.num_users)[:, None] * self.num_items + item_index
        return np.isin(listed, wanted) & (item_index >= 0)

    def of(self, pairs: npt.NDArray[np.bool_]) -> "Choices":
        """Only these pairs; every user stays, perhaps with none."""
        return Choices(self.user[pairs], self.item[pairs], self.num_users, self.num_items)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Users who chose at least one candidate in the window, cold users among them."""

    past: Interactions
    """All that was known at the cut, of judged users and others."""
    user_ids: npt.NDArray[np.object_]
    """(users,)"""
    rows: npt.NDArray[np.int64]
    """(users,): the user's row of `past`; -1 for one without a past."""
    candidates: npt.NDArray[np.bool_]
    """(items,): available at the cut."""
    chosen: dict[Scope, Choices] = field(repr=False)
    num_unavailable: dict[Scope, int]
    """Relevant pairs left out because their item was no candidate at the cut; no list could hold it."""
    num_lost_users: int
    """Users all of whose choices were such; they are not judged."""
    num_unasked: int
    """Users of the window who are not judged because so many are enough."""
    tied_share: float
    """Share of the window's events that share user and time with another: their order is the log's."""

    @property
    def num_users(self) -> int:
        """Users who are judged."""
        return len(self.user_ids)


def build_truth(past: Interactions, window: Interactions, *, candidates: npt.NDArray[np.bool_], most_users: int = 0) -> Truth:
    """Cut the truth of a window.

    Args:
        past: Events known at the cut.
        window: Events of the window behind it; its users need not be those of `past`.
        candidates: (items,) available at the cut.
        most_users: Judged at most, evenly spread over those who wanted anything in the window; 0: everybody.

    Raises:
        ValueError: Nobody chose any candidate in the window.
    """
    wanting = np.unique(window.user_row[window.relevant])
    asked = evenly_spread(wanting, most_users) if most_users else wanting
    wanted = window.keep(window.relevant & np.isin(window.user_row, asked))
    pair = np.unique(wanted.user_row * wanted.num_items + wanted.item_index)
    user, item = np.divmod(pair, wanted.num_items)
    live = candidates[item]
    judged = np.unique(user[live])
    if len(judged) == 0:
        raise ValueError(
            f"of {len(pair)} relevant pairs in the window none is of an item available at the cut; there is nobody to judge by. "
            "Look at [cuts] and at available_from in the catalogue."
        )
    past_row = past.rows_of(window.user_ids[asked])
    was_seen = np.asarray(past.asked(past_row).seen()[np.searchsorted(asked, user), item]).ravel() > 0
    row = np.searchsorted(judged, user)
    masks: dict[Scope, npt.NDArray[np.bool_]] = {"new": ~was_seen, "all": np.ones(len(pair), bool)}
    return Truth(
        past=past,
        user_ids=window.user_ids[judged],
        rows=past_row[np.searchsorted(asked, judged)],
        candidates=candidates,
        chosen={scope: Choices(row[mask & live], item[mask & live], len(judged), window.num_items) for scope, mask in masks.items()},
        num_unavailable={scope: int((mask & ~live).sum()) for scope, mask in masks.items()},
        num_lost_users=len(asked) - len(judged),
        num_unasked=len(wanting) - len(asked),
        tied_share=_tied_share(window),
    )


def _tied_share(interactions: Interactions) -> float:
    user, time = interactions.user_row, interactions.event_time
    if len(time) == 0:
        return 0.0
    same = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    return float((np.r_[False, same] | np.r_[same, False]).mean())

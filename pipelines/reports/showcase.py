"""A few users as a person would see them: what they had, what they were offered, what they chose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.data.relevance import Kind
from recsys.evaluation.judge import Judgement
from recsys.evaluation.slices import history_length_label
from recsys.evaluation.truth import Truth

TILES = 10
"""Items shown per row."""


@dataclass(frozen=True)
class Tile:
    """One item in a row."""

    title: str
    image: str | None
    """Data URI; None: the item has no photo."""
    note: str = ""
    """What happened with it, e.g. `liked`."""
    hit: bool = False
    """Recommended and then chosen."""


@dataclass(frozen=True)
class Showcase:
    """One user."""

    user_id: str
    num_seen: int
    history: tuple[Tile, ...]
    """Newest first."""
    recommended: tuple[Tile, ...]
    chosen: tuple[Tile, ...]
    """What the user then chose and had not met before."""


def build_showcases(
    judgement: Judgement, truth: Truth, *, titles: Sequence[str], image: Callable[[int], str | None] | None, num_users: int
) -> list[Showcase]:
    """Users of every length of history, equally many of each as far as there are: nobody is picked for looking good.

    Args:
        judgement: The model whose lists are shown.
        truth: What it was judged by.
        titles: Of each item, by item_index.
        image: item_index -> data URI, or None; None shows no photo at all.
        num_users: At most; fewer where fewer were judged.
    """
    chosen = truth.chosen["new"]
    judged = np.flatnonzero(chosen.counts() > 0)
    past = truth.past.distinct()
    picked = judged[_spread(history_length_label(truth)[judged], np.r_[np.diff(past.offsets), 0][truth.rows[judged]], num_users)]
    show = image or (lambda _item_index: None)
    found = []
    for user in picked:
        row = truth.rows[user]
        events = np.arange(past.offsets[row], past.offsets[row + 1])[::-1] if row >= 0 else np.arange(0)
        wanted = chosen.item[chosen.user == user]
        offered = judgement.lists["new"][user, :TILES]
        found.append(
            Showcase(
                user_id=str(truth.user_ids[user]),
                num_seen=len(events),
                history=tuple(
                    Tile(titles[past.item_index[at]], show(int(past.item_index[at])), Kind(past.kind[at]).name.lower())
                    for at in events[:TILES]
                ),
                recommended=tuple(Tile(titles[item], show(int(item)), hit=bool(item in wanted)) for item in offered if item >= 0),
                chosen=tuple(Tile(titles[item], show(int(item)), hit=bool(item in offered)) for item in wanted[:TILES]),
            )
        )
    return found


def _spread(label: npt.NDArray[np.int64], length: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Positions of at most `wanted` users, taken in turn from each label's users, who are first put in an evenly spaced order."""
    queues = []
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        members = members[np.argsort(length[members], kind="stable")]
        spaced = np.linspace(0, len(members) - 1, min(wanted, len(members))).round().astype(np.int64)
        queues.append(members[np.unique(spaced)])
    in_turn = [queue[turn] for turn in range(wanted) for queue in queues if turn < len(queue)][:wanted]
    return np.array(sorted(in_turn, key=lambda at: (length[at], at)), dtype=np.int64)

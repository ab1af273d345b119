"""Each user's last choice held out of a log: what is left to judge by where too few users come back in a window of time."""

import numpy as np
import numpy.typing as npt

from recsys.data.interactions import Interactions


def part_last_choice(log: Interactions, *, most_users: int) -> tuple[Interactions, Interactions]:
    """The log without the last choice of users that chose something before it, and these choices; the users of both are the same.

    A choice is a wanted event of an item that the user had not met. What such a user did after it is in neither part. Later events of
    others stay in the past: models can be compared by this, but what one would have been worth at the time cannot be told (Ji et al.,
    TOIS 2023, arXiv 2010.11060).

    Args:
        log: Everything known.
        most_users: Of whom a choice is held out, evenly spread over those that can be.
    """
    user, position = log.user_row, np.arange(len(log.item_index))
    met_first = np.zeros(len(position), bool)
    met_first[np.unique(user * log.num_items + log.item_index, return_index=True)[1]] = True
    choices = log.relevant & met_first
    last = np.full(log.num_users, -1)
    last[user[choices]] = position[choices]  # events stand in order of time
    held = evenly_spread(np.flatnonzero(np.bincount(user[choices], minlength=log.num_users) > 1), most_users)
    end = np.full(log.num_users, len(position))
    end[held] = last[held]
    return log.keep(position < end[user]), log.keep(np.isin(position, last[held]))


def evenly_spread(rows: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """At most so many of the rows."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]

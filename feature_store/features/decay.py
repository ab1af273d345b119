"""Sums of events each of which counts half for every 30 days that it lies back, to the same bit wherever counting begins.

What has entered is kept as a whole number of small units and halved, rounded down, whenever a period of 30 days since 1970 begins. Halving
twice is dividing by four, so it does not matter at how many rows it is done.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

HALF_LIFE_DAYS = 30
"""Of an event, and the length of a period."""
DECAYED_UNIT = 2.0**-28
"""What is counted in; an item may have eight million events of a period before its sum is no longer told to the unit."""
_WITHIN = 0.5 ** (np.arange(HALF_LIFE_DAYS) / HALF_LIFE_DAYS)
"""What is left of a unit so many days into a period."""


def entering(moment: pl.Expr, day: pl.Expr) -> pl.Expr:
    """What an event counts in units, on the day with which it enters, as seen from the begin of that day's period.

    Args:
        moment: When it happened.
        day: Start of the day.
    """
    ahead = (moment - day).dt.total_microseconds() / (HALF_LIFE_DAYS * 86_400_000_000) + _place(day) / HALF_LIFE_DAYS
    return (2.0**ahead / DECAYED_UNIT).round().cast(pl.Int64)


def units_of(value: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The units behind a value that `decayed` gave for a day."""
    return (value * 2.0 ** (_place(day) / HALF_LIFE_DAYS) / DECAYED_UNIT).round().cast(pl.Int64)


def decayed(key: pl.Series, day: pl.Series, entered: pl.Series) -> pl.Series:
    """What all that entered up to each day counts on it.

    Args:
        key: Rows of one key stand together.
        day: Starts of days, ascending within a key.
        entered: Units that enter with that day.
    """
    if key.is_empty():
        return pl.Series([], dtype=pl.Float64)
    days = day.dt.epoch("d").to_numpy()
    units, period = entered.to_numpy(), days // HALF_LIFE_DAYS
    owner = key.rle_id().to_numpy()
    begins = np.flatnonzero(np.r_[True, (np.diff(owner) != 0) | (np.diff(period) != 0)])  # of a period of a key
    sizes = np.diff(np.r_[begins, len(units)])
    before = np.cumsum(units) - units
    so_far = np.cumsum(units) - np.repeat(before[begins], sizes)
    brought = _brought_along(owner[begins], period[begins], np.add.reduceat(units, begins))
    value = (so_far + np.repeat(brought, sizes)) * DECAYED_UNIT * _WITHIN[days % HALF_LIFE_DAYS]
    return pl.Series(value)


def _brought_along(owner: npt.NDArray[np.generic], period: npt.NDArray[np.int64], units: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Units that each period of an owner begins with: half of those that the one before it ended with, for every period since."""
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    rank = np.arange(len(owner)) - np.repeat(first, np.diff(np.r_[first, len(owner)]))
    brought = np.zeros(len(owner), np.int64)
    in_turn = np.argsort(rank, kind="stable")
    for some in np.split(in_turn, np.cumsum(np.bincount(rank))[:-1])[1:]:
        gone = np.minimum(period[some] - period[some - 1], 63)
        brought[some] = (brought[some - 1] + units[some - 1]) >> gone
    return brought


def _place(day: pl.Expr) -> pl.Expr:
    """How many days into its period a day lies."""
    return day.dt.epoch("d") % HALF_LIFE_DAYS

"""What lists are worth where two metrics are at odds, and which of several choices to take by it."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from recsys.training.one_standard_error import as_good


def relative_worth(values: Mapping[str, npt.NDArray[np.float64]], level: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """(users,): Recall@100 and NDCG@10 as multiples of their level, summed, so that one per cent more of either counts the same.

    Args:
        values: Of each judged user, `recall@100` and `ndcg@10`; NaN where nothing could be found.
        level: Of the choice that others are measured by; where all its values are 0, any hit is worth much.
    """
    means = {name: max(float(np.nanmean(level[name])), 1e-9) for name in ("recall@100", "ndcg@10")}
    return values["recall@100"] / means["recall@100"] + values["ndcg@10"] / means["ndcg@10"]


def worth_of_each(judged: Sequence[Mapping[str, npt.NDArray[np.float64]]]) -> list[npt.NDArray[np.float64]]:
    """Of each choice what it is worth to the judged users: see `relative_worth`, whose level is the first one."""
    return [relative_worth(values, judged[0]) for values in judged]


def first_as_good(worth: Sequence[npt.NDArray[np.float64]]) -> int:
    """The place of the first choice that is `as_good` as the best one; so the safest should come first.

    Args:
        worth: Of each choice, (users,).
    """
    best = worth[_best(worth)]
    return next(place for place, values in enumerate(worth) if as_good(values, best))


def best_unless_first_is_as_good(worth: Sequence[npt.NDArray[np.float64]]) -> int:
    """The place of the best choice; 0 where the first one, which alone is safe, is `as_good`. See `first_as_good`."""
    best = _best(worth)
    return 0 if as_good(worth[0], worth[best]) else best


def _best(worth: Sequence[npt.NDArray[np.float64]]) -> int:
    return int(np.argmax([np.nanmean(values) for values in worth]))

"""What users are asked, what comes next or what else they would want: chosen on validation, never assumed."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from recsys.training.worth import first_as_good, worth_of_each

READINGS = (0.5, 0.0, 1.0)
"""Shares of the answer to «what comes next», the safest first: the mean of both answers is wrong by half at worst."""


def choose_reading(judge: Callable[[float], Mapping[str, npt.NDArray[np.float64]]]) -> float:
    """One of READINGS; see `first_as_good`.

    On a log whose order means something the next event is the better question, on one with a long horizon the other is, by far.

    Args:
        judge: Metrics of the retriever that asks so, for each judged user: `recall@100` and `ndcg@10`, NaN where nothing could be found.
    """
    return READINGS[first_as_good(worth_of_each([judge(share) for share in READINGS]))]

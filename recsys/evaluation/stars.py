"""How well stars were told from words."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.encoders.stars import STARS


@dataclass(frozen=True, kw_only=True)
class JudgedStars:
    """On reviews that nothing was learned from; `constant_*`: of a reader that always says the same, best as it knew earlier reviews."""

    reviews: int
    accuracy: float
    """Share of reviews whose likeliest stars are those that were given."""
    constant_accuracy: float
    """Of always saying the commonest stars."""
    mae: float
    """Mean distance of expected stars from those that were given."""
    constant_mae: float
    """Of always saying the mean."""
    confusion: list[list[int]]
    """Reviews by stars given (rows, one to five) and likeliest stars (columns)."""


def judge_stars(
    given: npt.NDArray[np.int64],
    likely: npt.NDArray[np.int64],
    expected: npt.NDArray[np.float64],
    *,
    earlier: npt.NDArray[np.int64],
) -> JudgedStars:
    """Hold what was read against what was given.

    Args:
        given: (reviews,) from 1 to 5, at least one.
        likely: (reviews,) the likeliest stars.
        expected: (reviews,) expected stars.
        earlier: (5,) how many earlier reviews gave one star to five; all 0: those judged stand in, which makes the constants too good.
    """
    confusion = np.zeros((len(STARS), len(STARS)), np.int64)
    np.add.at(confusion, (given - 1, likely - 1), 1)
    counts = earlier if earlier.sum() else confusion.sum(axis=1)
    commonest, mean = STARS[counts.argmax()], (counts @ STARS) / counts.sum()
    return JudgedStars(
        reviews=len(given),
        accuracy=float((given == likely).mean()),
        constant_accuracy=float((given == commonest).mean()),
        mae=float(np.abs(given - expected).mean()),
        constant_mae=float(np.abs(given - mean).mean()),
        confusion=confusion.tolist(),
    )

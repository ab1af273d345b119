"""When two sets of judged users cannot tell which of two choices is the better one."""

import numpy as np
import numpy.typing as npt


def as_good(values: npt.NDArray[np.float64], best: npt.NDArray[np.float64]) -> bool:
    """Whether values lie at most one standard error of their difference behind the best ones.

    The one-standard-error rule of Breiman et al. (Classification and Regression Trees, 1984), paired: of choices that the judged cannot
    tell apart, take the one that is safer for other reasons.

    Args:
        values: Of each judged one, e.g. its recall; NaN where it has none.
        best: Of the same ones, in the same order.
    """
    behind = best - values
    behind = behind[~np.isnan(behind)]
    if len(behind) < 2:
        return bool(behind.sum() <= 0)
    return bool(behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)))

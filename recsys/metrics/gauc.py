"""AUC inside each user: does the model order one user's items, or only tell busy users from idle ones?"""

import numpy as np
import numpy.typing as npt

from recsys.metrics.auc import grouped_auc


def per_user_auc(labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating], user: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """AUC of each user's own examples; ties count one half.

    Args:
        labels: (examples,) what happened.
        scores: (examples,) higher means likelier.
        user: (examples,) row of the user, from 0.

    Returns:
        (max(user) + 1,); NaN for a user whose examples are all positive or all negative.
    """
    return grouped_auc(labels, scores, user, num_groups=int(user.max(initial=-1)) + 1)


def gauc(labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating], user: npt.NDArray[np.integer]) -> float:
    """Mean of the users' AUC, each weighed by its number of examples (Zhu et al., KDD 2017); NaN where no user has both labels."""
    values = per_user_auc(labels, scores, user)
    judged = ~np.isnan(values)
    return float(np.average(values[judged], weights=np.bincount(user)[judged])) if judged.any() else float("nan")

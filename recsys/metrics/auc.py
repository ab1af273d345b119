"""How often a positive is scored above a negative."""

import numpy as np
import numpy.typing as npt


def auc(labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> float:
    """Area under the ROC curve, from 0 to 1, 0.5 for a coin; a tie counts one half (Mann and Whitney, 1947).

    Args:
        labels: (examples,) what happened.
        scores: (examples,) higher means likelier; any scale.

    Returns:
        NaN where all labels are alike, since there is no pair to order.

    Raises:
        ValueError: A score is NaN.
    """
    return float(grouped_auc(labels, scores, np.zeros(len(labels), np.int64), num_groups=1)[0])


def grouped_auc(
    labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating], group: npt.NDArray[np.integer], *, num_groups: int
) -> npt.NDArray[np.float64]:
    """The AUC inside each group.

    Args:
        labels: (examples,) what happened.
        scores: (examples,) higher means likelier.
        group: (examples,) from 0 to num_groups - 1.
        num_groups: Groups, those without examples included.

    Returns:
        (num_groups,); NaN for a group whose labels are all alike.

    Raises:
        ValueError: A score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError(
            f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN and cannot be ordered; look at the model that made them"
        )
    order = np.lexsort((scores, group))
    sorted_group, sorted_scores, sorted_labels = group[order], scores[order], labels[order].astype(bool)
    size = np.bincount(group, minlength=num_groups)
    place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)  # from 0 inside its group
    fresh = np.ones(len(order), bool)
    fresh[1:] = (sorted_group[1:] != sorted_group[:-1]) | (sorted_scores[1:] != sorted_scores[:-1])
    tie = np.cumsum(fresh) - 1
    mean_place = (np.bincount(tie, weights=place) / np.bincount(tie))[tie] if len(order) else place  # ties share their mean place
    positives = np.bincount(sorted_group, weights=sorted_labels, minlength=num_groups)
    below = np.bincount(sorted_group, weights=mean_place * sorted_labels, minlength=num_groups) - positives * (positives - 1) / 2
    pairs = positives * (size - positives)
    return np.where(pairs > 0, below / np.maximum(pairs, 1), np.nan)

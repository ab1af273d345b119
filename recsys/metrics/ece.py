"""How far predicted probabilities are from what happened."""

import numpy as np
import numpy.typing as npt

from recsys.metrics.normalised_entropy import check_probabilities


def expected_calibration_error(labels: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.floating], *, bins: int = 15) -> float:
    """Mean over bins of |mean prediction - share of positives|, each bin weighed by its examples; from 0 to 1.

    Bins hold equally many examples (Nixon et al., CVPR workshops 2019): with equal widths (Guo et al., ICML 2017) nearly all
    click probabilities would fall into the first. Equal predictions share the bin of the first of them.

    Args:
        labels: (examples,) what happened.
        probabilities: (examples,) predicted, from 0 to 1.
        bins: At most; fewer where there are fewer distinct predictions.

    Returns:
        NaN without examples.

    Raises:
        ValueError: A probability is outside [0, 1], or bins is below 1.
    """
    check_probabilities(probabilities)
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least 1 is needed")
    if len(labels) == 0:
        return float("nan")
    ordered = np.sort(probabilities)
    place = np.searchsorted(ordered, probabilities, side="left")
    at = place * bins // len(ordered)
    gap = np.bincount(at, weights=probabilities.astype(np.float64) - labels, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))

"""Log loss against that of always predicting the mean."""

import numpy as np
import numpy.typing as npt

SMALLEST_PROBABILITY = 1e-7
"""Probabilities are held this far from 0 and 1, so that one sure and wrong prediction does not make the loss infinite."""


def normalised_entropy(labels: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.floating]) -> float:
    """Mean log loss / entropy of the share of positives (He et al., ADKDD 2014). Below 1: better than the mean; 0: perfect.

    Args:
        labels: (examples,) what happened.
        probabilities: (examples,) predicted, from 0 to 1.

    Returns:
        NaN where all labels are alike, since the mean is then a perfect prediction.

    Raises:
        ValueError: A probability is outside [0, 1].
    """
    check_probabilities(probabilities)
    share = float(labels.mean()) if len(labels) else 0.0
    if share in (0.0, 1.0):
        return float("nan")
    held = np.clip(probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    loss = -np.where(labels, np.log(held), np.log1p(-held)).mean()
    entropy = -(share * np.log(share) + (1 - share) * np.log1p(-share))
    return float(loss / entropy)


def check_probabilities(probabilities: npt.NDArray[np.floating]) -> None:
    """Refuse what cannot be a probability.

    Raises:
        ValueError: A value is outside [0, 1] or NaN.
    """
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise ValueError(
            f"{int(outside.sum())} of {len(probabilities)} probabilities lie outside [0, 1], first {probabilities[outside][0]}; "
            "apply a sigmoid to logits first"
        )

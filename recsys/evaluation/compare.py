"""One model against all others, pair by pair over the same users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.evaluation.bootstrap import Difference, holm, paired_difference
from recsys.evaluation.gates import PerUser


@dataclass(frozen=True)
class Comparison:
    """How far one model is ahead of another."""

    first: str
    second: str
    metric: str
    difference: Difference
    corrected_p_value: float
    """After Holm over all comparisons made together."""


def compare(judged: Mapping[str, PerUser], *, first: str, metrics: Sequence[str], resamples: int, seed: int) -> list[Comparison]:
    """Paired differences of one model with every other one.

    Args:
        judged: Model -> metric -> values of the same users.
        first: The model in question.
        metrics: What to compare in.
        resamples: Draws of the paired bootstrap.
        seed: Of the draws.

    Raises:
        KeyError: A model or metric was not judged.
    """
    pairs = [(second, metric) for second in judged if second != first for metric in metrics]
    differences = [
        paired_difference(judged[first][metric], judged[second][metric], resamples=resamples, seed=seed) for second, metric in pairs
    ]
    corrected = holm(np.array([difference.p_value for difference in differences]))
    return [
        Comparison(first, second, metric, difference, float(p_value))
        for (second, metric), difference, p_value in zip(pairs, differences, corrected, strict=True)
    ]

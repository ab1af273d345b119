"""Which of the finished trials the night shall use: the best, if it is ahead of the first by more than chance easily makes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.tuning.judged import Judged
from recsys.evaluation.bootstrap import Difference, paired_difference
from recsys.training.one_standard_error import as_good
from recsys.training.worth import relative_worth

BASE = 0
"""Number of the trial with the settings that the search started from."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a search came to."""

    best: int
    """Number of the trial with the highest gain."""
    gain: Difference
    """Of the best over the base; not corrected for the number of trials it is the best of."""
    keeps_base: bool
    """Whether the base is at most one standard error of the paired difference behind the best."""


def gain(judged: Judged, base: Judged) -> float:
    """How much more lists are worth than the base's: the mean of the relative gains in Recall@100 and NDCG@10; 0.01 is one per cent."""
    return float(np.nanmean(relative_worth(judged.values, base.values))) / 2 - 1


def decide(judged: Mapping[int, Judged], *, resamples: int, seed: int) -> Verdict | None:
    """The verdict on judged trials, by their numbers; None while there is nothing to compare the base with.

    Args:
        judged: The base among them.
        resamples: Draws of the paired bootstrap.
        seed: Of the draws.
    """
    if len(judged) < 2:
        return None
    worth = {number: relative_worth(trial.values, judged[BASE].values) / 2 for number, trial in judged.items()}
    best = max(worth, key=lambda number: float(np.nanmean(worth[number])))
    return Verdict(
        best=best,
        gain=paired_difference(worth[best], worth[BASE], resamples=resamples, seed=seed),
        keeps_base=as_good(worth[BASE], worth[best]),
    )

"""Choose a baseline's one number on the validation window, so that no model is compared with a weak version of another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from recsys.evaluation.judge import FullRanking, Judgement, judge
from recsys.evaluation.truth import Truth
from recsys.models.scorer import Scorer

CHOSEN_BY = "ndcg@10"


@dataclass(frozen=True)
class Trial:
    """One setting that was tried."""

    strength: float
    value: float
    """Mean NDCG@10 of items new to their users."""


@dataclass(frozen=True)
class Choice:
    """The best setting, judged, and all that were tried."""

    scorer: Scorer
    judgement: Judgement
    trials: tuple[Trial, ...]
    fit_seconds: float
    """Of the chosen setting."""
    judge_seconds: float


def choose(build: Callable[[float | None], Scorer], strengths: Sequence[float | None], truth: Truth) -> Choice:
    """Build a baseline once for each setting and keep the best by NDCG@10; of equals, the first.

    Args:
        build: Setting -> fitted model; given None where a model has no setting.
        strengths: Settings to try.
        truth: The validation window.

    Raises:
        ValueError: There is no setting to try.
    """
    if not strengths:
        raise ValueError("there is no setting to try; give at least one in [evaluation]")
    best: Choice | None = None
    best_value = -1.0
    trials: list[Trial] = []
    for strength in strengths:
        start = perf_counter()
        scorer = build(strength)
        fitted = perf_counter()
        judgement = judge(FullRanking(scorer), truth)
        value = float(np.nanmean(judgement.metrics["new"][CHOSEN_BY])) if truth.chosen["new"].user.size else 0.0
        if strength is not None:
            trials.append(Trial(strength, value))
        if best is None or value > best_value:
            best, best_value = Choice(scorer, judgement, (), fitted - start, perf_counter() - fitted), value
    assert best is not None  # strengths is not empty
    return Choice(best.scorer, best.judgement, tuple(trials), best.fit_seconds, best.judge_seconds)

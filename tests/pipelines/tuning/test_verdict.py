"""Who wins, and who was merely lucky."""

import numpy as np
import pytest

from pipelines.tuning.judged import Judged
from pipelines.tuning.verdict import decide, gain


def judged(recall: list[float], ndcg: list[float]) -> Judged:
    return Judged(values={"recall@100": np.array(recall), "ndcg@10": np.array(ndcg)}, recall_by_epoch=(), epochs=1)


BASE = judged([0.5, 0.5, 0.5, 0.5], [0.1, 0.1, 0.1, 0.1])


def test_a_gain_is_the_mean_of_what_both_metrics_have_gained() -> None:
    assert gain(judged([0.5] * 4, [0.11] * 4), BASE) == pytest.approx(0.05)  # 0 % and 10 %


def test_a_user_who_could_find_nothing_does_not_count() -> None:
    some = judged([0.5, 0.5, np.nan], [0.1, 0.1, np.nan])
    assert gain(judged([0.55, 0.55, np.nan], [0.1, 0.1, np.nan]), some) == pytest.approx(0.05)


def test_what_is_better_for_everybody_wins() -> None:
    verdict = decide({0: BASE, 1: BASE, 2: judged([0.51, 0.52, 0.53, 0.52], [0.1] * 4)}, resamples=100, seed=0)
    assert verdict is not None
    assert (verdict.best, verdict.keeps_base) == (2, False)
    assert verdict.gain.mean == pytest.approx(0.02)  # half of 0.02 / 0.5


def test_what_is_better_for_one_user_alone_was_lucky() -> None:
    verdict = decide({0: BASE, 1: judged([0.6, 0.5, 0.5, 0.5], [0.1] * 4)}, resamples=100, seed=0)
    assert verdict is not None
    assert (verdict.best, verdict.keeps_base) == (1, True)  # mean .025, standard error .025: at most one


def test_of_equals_the_first_stays() -> None:
    verdict = decide({0: BASE, 1: BASE}, resamples=100, seed=0)
    assert verdict is not None
    assert (verdict.best, verdict.keeps_base) == (0, True)


def test_one_trial_decides_nothing() -> None:
    assert decide({0: BASE}, resamples=100, seed=0) is None

"""How good guesses are on items whose value is known, and from which score on they are kept."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

CONFIDENCE = 1.2816
"""Standard deviations below which 10 % of a normal distribution lie."""
OUT_OF_REACH = 2.0
"""A threshold that no score reaches: none keeps the precision."""
Features = npt.NDArray[np.float32]
Names = npt.NDArray[np.object_]
Scores = npt.NDArray[np.float64]


class Guesser(Protocol):
    """Whatever guesses one attribute."""

    @property
    def threshold(self) -> float:
        """Least score of a guess that is kept."""

    def guess(self, features: Features) -> tuple[Names, Scores]:
        """Per item the most likely value, and its score from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How good the guesses are on labelled items that chose nothing; values that are never guessed count as wrong."""

    items: int
    accuracy: float
    """Share of right guesses, whatever their score."""
    macro_f1: float
    """F1 of every value that the items have, averaged."""
    most_common: float
    """Accuracy of always guessing the commonest value."""
    precision: float | None
    """Share of right guesses among those that reach the threshold; None where none does."""
    coverage: float
    """Share of items whose guess reaches it."""


def judge_labels(labeller: Guesser, features: Features, truth: Names, *, most_common: str) -> Judged:
    """Hold guesses against what items are known to be."""
    guesses, scores = labeller.guess(features)
    right, kept = guesses == truth, scores >= labeller.threshold
    return Judged(
        items=len(truth),
        accuracy=float(right.mean()),
        macro_f1=macro_f1(guesses, truth),
        most_common=float((truth == most_common).mean()),
        precision=float(right[kept].mean()) if kept.any() else None,
        coverage=float(kept.mean()),
    )


def macro_f1(guesses: Names, truth: Names) -> float:
    """F1 of each value that occurs in `truth`, averaged: 2 right / (guessed + true), from 0 to 1."""
    values = np.unique(truth.astype(str))[:, None]
    true, guessed = truth == values, guesses == values  # (values, items)
    return float((2 * (true & guessed).sum(axis=1) / (true.sum(axis=1) + guessed.sum(axis=1))).mean())


def precise_threshold(scores: Scores, right: npt.NDArray[np.bool_], *, precision: float) -> float:
    """The lowest score at and above which so many guesses are right that the precision is this, or better, with 90 % confidence.

    The bound is Wilson's (1927). The plain share would be too kind: of many thresholds the luckiest would be taken.

    Returns:
        OUT_OF_REACH where there is no such score.
    """
    order = np.argsort(-scores, kind="stable")
    count = np.arange(1, len(order) + 1)
    share = np.cumsum(right[order]) / count
    spread = CONFIDENCE * np.sqrt(share * (1 - share) / count + CONFIDENCE**2 / (4 * count**2))
    lower_bound = (share + CONFIDENCE**2 / (2 * count) - spread) / (1 + CONFIDENCE**2 / count)
    last_of_equals = np.r_[scores[order][1:] < scores[order][:-1], True]
    good = np.flatnonzero((lower_bound >= precision) & last_of_equals)
    return float(scores[order][good[-1]]) if len(good) else OUT_OF_REACH


def fewest_to_be_sure(precision: float) -> int:
    """Guesses that `precise_threshold` needs where all of them are right: of so many, n, Wilson's bound is n / (n + CONFIDENCE**2)."""
    return math.ceil(precision * CONFIDENCE**2 / (1 - precision))


def most_likely(logits: Scores, names: Names) -> tuple[Names, Scores]:
    """Per item the value of the greatest logit, and its probability.

    Args:
        logits: (items, values)
        names: (values,)
    """
    probabilities = softmax(logits)
    best = probabilities.argmax(axis=1)
    return names[best], probabilities[np.arange(len(best)), best]


def softmax(logits: Scores) -> Scores:
    """(items, values) shares that sum to 1 per item."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    normalised: Scores = shares / shares.sum(axis=1, keepdims=True)
    return normalised

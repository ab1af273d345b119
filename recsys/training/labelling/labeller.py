"""A multinomial logistic regression per attribute, with scores that mean what they say and a threshold that keeps a precision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from recsys.training.labelling.config import LabelsConfig

STRENGTHS = (1.0, 10.0, 100.0)
"""Inverses of the regularisation that are tried; the vectors are of unit length."""
MAX_STEPS = 2000
CONFIDENCE = 1.2816
"""Standard deviations below which 10 % of a normal distribution lie."""
OUT_OF_REACH = 2.0
"""A threshold that no score reaches: none keeps the precision."""
Features = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How good the guesses are on labelled items that chose nothing; values too rare to be learned count as wrong."""

    items: int
    accuracy: float
    """Share of right guesses, whatever their score."""
    macro_f1: float
    """F1 of every value that the items have, averaged."""
    most_common: float
    """Accuracy of always guessing the value that most items have that were learned from."""
    precision: float | None
    """Share of right guesses among those that reach the threshold; None where none does."""
    coverage: float
    """Share of items whose guess reaches it."""


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """What was learned of one attribute."""

    model: LogisticRegression
    temperature: float
    """Divides the logits (Guo et al., ICML 2017)."""
    threshold: float = OUT_OF_REACH
    """Least score of a guess that is kept."""

    def guess(self, features: Features) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
        """Per item the most likely value, and its calibrated probability."""
        probabilities = _softmax(_logits(self.model, features) / self.temperature)
        best = probabilities.argmax(axis=1)
        return self.model.classes_[best], probabilities[np.arange(len(best)), best]


def learn_labels(
    features: Features, values: Sequence[str | None], group: npt.NDArray[np.int64], config: LabelsConfig
) -> tuple[Labeller, Judged] | None:
    """Learn one attribute from the items that have it.

    Args:
        features: (items, features), of `label_features`; all zero: nothing is known of the item.
        values: Of each item; None: it lacks the attribute.
        group: Equal where items are variants of one product; these are learned from together or not at all.
        config: Shares, precision and the least number of items.

    Returns:
        None where fewer than two values have enough items to learn from.
    """
    truth = np.array(["" if value is None else value for value in values], dtype=object)
    learning, choosing, judging = _parts(np.flatnonzero((truth != "") & features.any(axis=1)), group, config)
    names, counts = np.unique(truth[learning].astype(str), return_counts=True)
    common = names[counts >= config.min_items]
    learning, sure = (rows[np.isin(truth[rows].astype(str), common)] for rows in (learning, choosing))
    if len(common) < 2 or not len(sure) or not len(judging):
        return None
    models = [LogisticRegression(C=strength, max_iter=MAX_STEPS).fit(features[learning], truth[learning]) for strength in STRENGTHS]
    place = np.searchsorted(common, truth[sure].astype(str))
    calibrated = [calibrate(_logits(model, features[sure]), place) for model in models]
    best = int(np.argmin([loss for _, loss in calibrated]))
    labeller = Labeller(model=models[best], temperature=calibrated[best][0])
    guesses, scores = labeller.guess(features[choosing])
    threshold = precise_threshold(scores, guesses == truth[choosing], precision=config.precision)
    labeller = replace(labeller, threshold=threshold)
    return labeller, judge_labels(labeller, features[judging], truth[judging], most_common=str(names[counts.argmax()]))


def judge_labels(labeller: Labeller, features: Features, truth: npt.NDArray[np.object_], *, most_common: str) -> Judged:
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


def macro_f1(guesses: npt.NDArray[np.object_], truth: npt.NDArray[np.object_]) -> float:
    """F1 of each value that occurs in `truth`, averaged: 2 right / (guessed + true), from 0 to 1."""
    values = np.unique(truth.astype(str))[:, None]
    true, guessed = truth == values, guesses == values  # (values, items)
    return float((2 * (true & guessed).sum(axis=1) / (true.sum(axis=1) + guessed.sum(axis=1))).mean())


def precise_threshold(scores: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], *, precision: float) -> float:
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


def _parts(
    known: npt.NDArray[np.int64], group: npt.NDArray[np.int64], config: LabelsConfig
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to learn from, to choose by and to judge by; a group is in one of them."""
    random = np.random.default_rng(config.seed)
    chance = random.random(int(group.max(initial=0)) + 1)[group[known]]
    learning = known[chance >= config.held_out_share]
    if len(learning) > config.items:
        learning = np.sort(random.choice(learning, config.items, replace=False))
    half = config.held_out_share / 2
    return learning, known[(chance < config.held_out_share) & (chance >= half)], known[chance < half]


def _logits(model: LogisticRegression, features: Features) -> npt.NDArray[np.float64]:
    """(items, values); of two values sklearn gives but the second's lead."""
    logits = model.decision_function(features).astype(np.float64)
    return np.stack([np.zeros_like(logits), logits], axis=1) if logits.ndim == 1 else logits


def calibrate(logits: npt.NDArray[np.float64], truth: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The temperature of the least mean log loss, and that loss.

    Args:
        logits: (items, values)
        truth: (items,) the value each item has, as a column of `logits`.
    """

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(logits / np.exp(log_temperature))
        return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    normalised: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return normalised

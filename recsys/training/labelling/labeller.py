"""A multinomial logistic regression per attribute, with scores that mean what they say and a threshold that keeps a precision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from recsys.training.labelling.config import LabelsConfig
from recsys.training.labelling.judging import (
    OUT_OF_REACH,
    Features,
    Judged,
    Names,
    Scores,
    judge_labels,
    most_likely,
    precise_threshold,
    softmax,
)

STRENGTHS = (1.0, 10.0, 100.0)
"""Inverses of the regularisation that are tried; the vectors are of unit length."""
MAX_STEPS = 2000


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """What was learned of one attribute; a `Guesser`."""

    model: LogisticRegression
    temperature: float
    """Divides the logits (Guo et al., ICML 2017)."""
    threshold: float = OUT_OF_REACH
    """Least score of a guess that is kept."""

    def guess(self, features: Features) -> tuple[Names, Scores]:
        """Per item the most likely value, and its calibrated probability."""
        return most_likely(_logits(self.model, features) / self.temperature, self.model.classes_)


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


def _logits(model: LogisticRegression, features: Features) -> Scores:
    """(items, values); of two values sklearn gives but the second's lead."""
    logits = model.decision_function(features).astype(np.float64)
    return np.stack([np.zeros_like(logits), logits], axis=1) if logits.ndim == 1 else logits


def calibrate(logits: Scores, truth: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The temperature of the least mean log loss, and that loss.

    Args:
        logits: (items, values)
        truth: (items,) the value each item has, as a column of `logits`.
    """

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits / np.exp(log_temperature))
        return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())

    found = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    return float(np.exp(found.x)), float(found.fun)

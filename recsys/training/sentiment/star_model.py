"""The shop's own reader of reviews: a text encoder and, on its vectors, a logistic regression over the stars that users gave."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from recsys.encoders.stars import STARS
from recsys.encoders.text import TextEncoder
from recsys.training.labelling.config import LabelsConfig
from recsys.training.labelling.labeller import learn_labels


@dataclass(frozen=True)
class StarModel:
    """Linear in the vector of a text."""

    weights: npt.NDArray[np.float64]
    """(dim, classes)"""
    bias: npt.NDArray[np.float64]
    """(classes,)"""
    stars: npt.NDArray[np.int64]
    """(classes,) what each stands for, from 1 to 5; stars that hardly anybody gave have none."""

    def probabilities(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(texts, 5) of one star to five."""
        found = np.zeros((len(vectors), len(STARS)))
        found[:, self.stars - 1] = softmax(vectors @ self.weights + self.bias, axis=1)
        return found

    @property
    def version(self) -> str:
        """Sixteen hex digits over its numbers."""
        return hashlib.sha256(b"".join(part.tobytes() for part in (self.weights, self.bias, self.stars))).hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write it as safetensors."""
        save_file({"weights": self.weights, "bias": self.bias, "stars": self.stars}, path)

    @classmethod
    def load(cls, path: Path) -> "StarModel":
        """Read what `save` wrote."""
        return cls(**load_file(path))


@dataclass(frozen=True)
class OwnStars:
    """Words to stars through the shop's text encoder; a `StarReader`."""

    encoder: TextEncoder
    model: StarModel

    @property
    def version(self) -> str:
        """See `StarReader`."""
        return f"{self.encoder.version}-{self.model.version}"

    def read(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """See `StarReader`. A text without any token is as likely to be good as all are."""
        return self.model.probabilities(self.encoder.encode(texts))


def learn_stars(
    vectors: npt.NDArray[np.float32], stars: npt.NDArray[np.int64], user: npt.NDArray[np.int64], *, seed: int = 0
) -> StarModel | None:
    """Learn which stars go with which vectors; strength and calibration are chosen on users who are not learned from.

    Args:
        vectors: (reviews, dim) of their texts.
        stars: (reviews,) from 1 to 5.
        user: (reviews,) equal where one user wrote them.
        seed: Of who is held out.

    Returns:
        None where there are fewer than two numbers of stars with enough reviews.
    """
    learned = learn_labels(vectors, [str(star) for star in stars], user, LabelsConfig(items=len(stars), seed=seed))
    if learned is None:
        return None
    model, temperature = learned[0].model, learned[0].temperature
    weights, bias = model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64)
    if len(bias) == 1:  # of two classes sklearn has but the second's lead
        weights, bias = np.c_[np.zeros_like(weights), weights], np.r_[0.0, bias]
    return StarModel(np.ascontiguousarray(weights) / temperature, bias / temperature, model.classes_.astype(np.int64))

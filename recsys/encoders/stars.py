"""What a reader of reviews makes of words: how likely each number of stars is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

STARS = np.arange(1, 6)
STEPS = 1024
"""Steps of a sentiment between 0 and 1: sums of so coarse numbers are exact, in whatever order they are added up."""


class StarReader(Protocol):
    """Tells stars from words."""

    @property
    def version(self) -> str:
        """Digest of all that its answers depend on beside the words."""

    def read(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """(texts, 5) probabilities of one star to five."""


def expected_stars(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(texts,) from 1 to 5."""
    expected: npt.NDArray[np.float64] = probabilities @ STARS
    return expected


def sentiment(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(texts,) from -1, one star for certain, to 1, five stars for certain, in STEPS."""
    return np.clip(np.round((expected_stars(probabilities) - 3) / 2 * STEPS) / STEPS, -1, 1)


def likely_stars(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """(texts,) the likeliest stars; of several the fewest."""
    likely: npt.NDArray[np.int8] = STARS[probabilities.argmax(axis=1)].astype(np.int8)
    return likely

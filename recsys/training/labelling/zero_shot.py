"""Guess an attribute without learning it: a joint model holds photos against a prompt for each value (Radford et al., ICML 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from recsys.encoders.joint import logit_scale
from recsys.encoders.protocol import EncoderError, check_vectors
from recsys.encoders.text import TextEncoder
from recsys.training.labelling.config import LabelsConfig
from recsys.training.labelling.judging import (
    OUT_OF_REACH,
    Features,
    Judged,
    Names,
    Scores,
    fewest_to_be_sure,
    judge_labels,
    most_likely,
    precise_threshold,
)


@dataclass(frozen=True, kw_only=True)
class ZeroShotLabeller:
    """The values of one attribute, as a joint model sees them; a `Guesser` of photos."""

    values: tuple[str, ...]
    prompts: Features
    """(values, dim) unit vectors."""
    scale: float
    """By which the model multiplies a cosine."""
    threshold: float = OUT_OF_REACH
    """Least score of a guess that is kept."""

    def guess(self, features: Features) -> tuple[Names, Scores]:
        """Per photo, a unit vector of the same model, the value whose prompt is nearest, and its share of the softmax over all values."""
        cosines = features.astype(np.float64) @ self.prompts.T.astype(np.float64)  # (photos, values)
        return most_likely(self.scale * cosines, np.array(self.values, dtype=object))


def describe_values(encoder: TextEncoder, values: Sequence[str], prompt: str) -> ZeroShotLabeller:
    """What guesses which of these values an item has.

    Args:
        encoder: The text tower of the joint model that the photos are encoded by.
        values: At least two.
        prompt: `{}` stands for the value.

    Raises:
        EncoderError: A prompt is longer than the model reads, or its vector is not finite.
    """
    prompts = [prompt.replace("{}", value) for value in values]
    if long := [text for text, cut in zip(prompts, encoder.tokenize(prompts).cut, strict=True) if cut]:
        raise EncoderError(
            f"{long[0]!r} is longer than the {encoder.max_tokens} tokens that are read. Shorten [labels] prompt or the value."
        )
    vectors = check_vectors(encoder.encode(prompts), what="prompt")
    return ZeroShotLabeller(values=tuple(values), prompts=vectors, scale=logit_scale(encoder.tower))


def judge_zero_shot(
    labeller: ZeroShotLabeller, photos: Features, values: Sequence[str | None], group: npt.NDArray[np.int64], config: LabelsConfig
) -> tuple[ZeroShotLabeller, Judged | None]:
    """Choose the threshold by what the shop says itself, and judge by all of it, since nothing was learned from it.

    One half of the items chooses the threshold, the other tells its precision and coverage. Where the half is too small to be sure of
    `config.precision`, the threshold is `config.zero_shot_score`, and all tell.

    Args:
        labeller: Of one attribute.
        photos: (items, dim), of the same model; all zero: the item has none.
        values: Of each item; None: it lacks the attribute.
        group: Equal where items are variants of one product; these are in one half.
        config: Precision, score and seed.

    Returns:
        The labeller with its threshold; how good it is, None where the shop says the attribute of no item with a photo.
    """
    truth = np.array(["" if value is None else value for value in values], dtype=object)
    known = np.flatnonzero((truth != "") & photos.any(axis=1))
    chance = np.random.default_rng(config.seed).random(int(group.max(initial=0)) + 1)[group[known]]
    choosing, judging = known[chance < 0.5], known[chance >= 0.5]
    if len(choosing) >= fewest_to_be_sure(config.precision) and len(judging):
        guesses, scores = labeller.guess(photos[choosing])
        threshold = precise_threshold(scores, guesses == truth[choosing], precision=config.precision)
    else:
        threshold, judging = config.zero_shot_score, known
    labeller = replace(labeller, threshold=threshold)
    if not len(known):
        return labeller, None
    names, counts = np.unique(truth[known].astype(str), return_counts=True)
    of_all, of_half = (
        judge_labels(labeller, photos[rows], truth[rows], most_common=str(names[counts.argmax()])) for rows in (known, judging)
    )
    return labeller, replace(of_all, precision=of_half.precision, coverage=of_half.coverage)

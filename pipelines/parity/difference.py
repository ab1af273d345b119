"""How far what was served is from what it should have been."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.slate.rank import scores_of_features
from recsys.slate.release_reader import Release

NO_NUMBER = float(np.finfo(np.float32).max)
"""Difference of what was served and is no number; JSON knows no infinity."""


@dataclass(frozen=True, kw_only=True)
class FeatureDifference:
    """One feature over all requests."""

    name: str
    absolute: float
    """Largest difference; NO_NUMBER where what was served is none."""
    relative: float
    """Largest difference, relative to the larger of both values; 0 where both are 0."""
    requests: int
    """Requests with a difference beyond the tolerance."""
    taken: bool
    """Whether the reference takes the item's value from the release instead of counting events."""
    judged: bool
    """Whether a difference says that something is wrong; not of what counts events in a log that has changed since the release."""

    @property
    def broken(self) -> bool:
        """Whether what was served is not what is right."""
        return self.judged and self.requests > 0


def feature_differences(
    names: Sequence[str],
    served: Sequence[npt.NDArray[np.float32]],
    right: Sequence[npt.NDArray[np.float64]],
    *,
    taken: Sequence[str],
    unjudged: Container[str],
    tolerance: float,
) -> list[FeatureDifference]:
    """One for each feature, in order.

    Args:
        names: Of the columns.
        served: Request by request (candidates, features).
        right: The same, made again.
        taken: Names without their flags that the reference does not count itself.
        unjudged: Names of which a difference says nothing.
        tolerance: See `beyond`.
    """
    absolute = np.concatenate([_apart(theirs, mine) for theirs, mine in zip(served, right, strict=True)])
    size = np.concatenate([_size(theirs, mine) for theirs, mine in zip(served, right, strict=True)])
    relative = np.divide(absolute, size, out=np.zeros_like(absolute), where=size > 0)
    requests = np.sum([beyond(theirs, mine, tolerance).any(axis=0) for theirs, mine in zip(served, right, strict=True)], axis=0)
    return [
        FeatureDifference(
            name=name,
            absolute=float(absolute[:, place].max()),
            relative=float(relative[:, place].max()),
            requests=int(requests[place]),
            taken=name.removeprefix("no_") in taken,
            judged=name not in unjudged,
        )
        for place, name in enumerate(names)
    ]


def beyond(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    """(candidates, features) of one request: where the difference is above the tolerance, relative to the value where that is above 1."""
    return _apart(served, right) > tolerance * np.maximum(_size(served, right), 1)


def ranking_overlap(
    release: Release,
    served: npt.NDArray[np.float32],
    right: npt.NDArray[np.float64],
    retrieval_scores: npt.NDArray[np.float32],
    *,
    k: int,
) -> float:
    """Share of the k best candidates by what was served that are among the k best by what is right."""
    best = [
        set(np.argsort(-scores_of_features(release, features, retrieval_scores), kind="stable")[:k].tolist())
        for features in (served, right.astype(np.float32))
    ]
    return len(best[0] & best[1]) / len(best[0])


def _apart(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(served), np.abs(np.nan_to_num(served).astype(np.float64) - right), NO_NUMBER)


def _size(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(np.abs(np.where(np.isfinite(served), served, 0)), np.abs(right))

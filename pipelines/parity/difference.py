"""How far what was served is from what it should have been."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.slate.rank import scores_of_features
from recsys.slate.release_reader import Release

NO_NUMBER = float(np.finfo(np.float32).max)
"""Difference where one of both is no number; JSON knows no infinity."""


@dataclass(frozen=True, kw_only=True)
class FeatureDifference:
    """One feature, or the score of retrieval, over all requests."""

    name: str
    absolute: float
    """Largest difference; NO_NUMBER where one of both is none."""
    relative: float
    """Largest difference, relative to the larger of both values; 0 where both are 0."""
    requests: int
    """Requests with a difference beyond the tolerance."""
    taken: str
    """Why the reference takes the item's value from the release; empty where it is made again from raw rows."""


def feature_differences(
    names: Sequence[str],
    served: Sequence[npt.NDArray[np.float32]],
    right: Sequence[npt.NDArray[np.float64]],
    *,
    taken: Mapping[str, str],
    tolerance: float,
) -> list[FeatureDifference]:
    """One for each feature, in order.

    Args:
        names: Of the columns.
        served: Request by request (candidates, features).
        right: The same, made again.
        taken: Name without its flag -> why the reference does not count it itself.
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
            taken=taken.get(name.removeprefix("no_"), ""),
        )
        for place, name in enumerate(names)
    ]


def beyond(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    """(candidates, features) of one request: where the difference is above the tolerance, relative to the value where that is above 1."""
    return _apart(served, right) > tolerance * np.maximum(_size(served, right), 1)


def ranking_overlap(release: Release, served: npt.NDArray[np.float32], right: npt.NDArray[np.float64], *, k: int) -> float:
    """Share of the k best candidates by what was served that are among the k best by what is right.

    Args:
        release: Whose ranker reads both.
        served: (candidates, 1 + features): the score of retrieval before the features.
        right: The same, made again.
        k: Of the slate.
    """
    best = []
    for values in (served, right.astype(np.float32)):
        scores = scores_of_features(release, np.ascontiguousarray(values[:, 1:]), values[:, 0])
        best.append(set(np.argsort(-scores, kind="stable")[:k].tolist()))
    return len(best[0] & best[1]) / len(best[0])


def _apart(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(served) & np.isfinite(right), np.abs(_finite(served) - _finite(right)), NO_NUMBER)


def _size(served: npt.NDArray[np.float32], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(np.abs(_finite(served)), np.abs(_finite(right)))


def _finite(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(values), values, 0).astype(np.float64)

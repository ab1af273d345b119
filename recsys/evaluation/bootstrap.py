"""How sure a mean over users is: resample the users, the same draw for every model and metric (Efron, 1979)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_DRAWS = 2**22
"""Users drawn at once: bounds the memory to some 70 MB whatever the number of users and resamples."""


@dataclass(frozen=True)
class Interval:
    """A mean and where 95 % of its resampled values lie; NaN mean where no user counts, NaN bounds where fewer than two do."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A paired difference of means, its interval and how easily chance would make it."""

    mean: float
    low: float
    high: float
    p_value: float
    """Two-sided: twice the share of resamples on the other side of zero; never below 2 / (resamples + 1)."""


def resampled_means(values: npt.NDArray[np.float64], *, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Mean of every column in every resample of the users.

    Args:
        values: (users, columns); NaN where a user does not count in a column.
        resamples: Draws of as many users as there are, with replacement.
        seed: Of the draws; the same users are drawn for all columns, so differences of columns are paired.

    Returns:
        (resamples, columns); NaN where a resample drew no user that counts.
    """
    num_users = len(values)
    generator = np.random.default_rng(seed)
    counts = ~np.isnan(values)
    filled = np.where(counts, values, 0.0)
    partial = np.flatnonzero(~counts.all(axis=0))
    weights = counts[:, partial].astype(np.float64)
    means = np.empty((resamples, values.shape[1]))
    step = max(1, MOST_DRAWS // max(1, num_users))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, num_users, (size, num_users)) + num_users * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * num_users).reshape(size, num_users).astype(np.float64)
        denominator = np.full((size, values.shape[1]), float(num_users))
        denominator[:, partial] = times @ weights
        total = times @ filled
        means[start : start + size] = np.divide(total, denominator, out=np.full_like(total, np.nan), where=denominator > 0)
    return means


def intervals(values: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> list[Interval]:
    """The mean of each column with its 95 % percentile interval.

    Args:
        values: (users, columns) as given to `resampled_means`.
        means: What that returned.
    """
    found = []
    for column in range(values.shape[1]):
        counted = values[~np.isnan(values[:, column]), column]
        drawn = means[~np.isnan(means[:, column]), column]
        mean = float(counted.mean()) if len(counted) else float("nan")
        if len(counted) < 2 or len(drawn) == 0:
            found.append(Interval(mean, float("nan"), float("nan")))
            continue
        low, high = np.quantile(drawn, (0.025, 0.975))
        found.append(Interval(mean, float(low), float(high)))
    return found


def paired_difference(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], *, resamples: int, seed: int) -> Difference:
    """first - second over the users that count in both.

    Args:
        first: (users,) values of one model; NaN where a user does not count.
        second: (users,) values of the other, the same users.
        resamples: Draws.
        seed: Of the draws.

    Raises:
        ValueError: The two do not hold the same number of users, or no user counts in both.
    """
    if first.shape != second.shape:
        raise ValueError(f"paired values must be of the same users; found {len(first)} and {len(second)}")
    gap = (first - second)[~np.isnan(first - second)]
    if len(gap) == 0:
        raise ValueError("no user counts in both models; a difference needs at least one")
    means = resampled_means(gap[:, None], resamples=resamples, seed=seed)[:, 0]
    low, high = np.quantile(means, (0.025, 0.975))
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    return Difference(float(gap.mean()), float(low), float(high), float(min(1.0, 2 * (beyond + 1) / (resamples + 1))))


def holm(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """p-values corrected for having asked several questions: the chance of one false yes among them stays below the level (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return corrected

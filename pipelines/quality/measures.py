"""How far a window is from its reference: numbers, and what they are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_2samp

from pipelines.quality.config import ProfileConfig

Kind = Literal["volume", "nulls", "psi", "ks", "catalogue"]
"""A field of `ProfileConfig`."""
Verdict = Literal["ok", "warn", "stop", "unjudged"]
SMALLEST_SHARE = 1e-4
"""Of a level that one window lacks: its share would have no logarithm."""
HALF = 0.5
"""Added to counts, so that none is no division by zero."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing that was compared."""

    what: str
    kind: Kind
    before: str
    """The reference, for people."""
    now: str
    value: float
    """How far apart they are."""
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.what}: {self.before} before, {self.now} now ({self.kind} {self.value:.2f})"


def judge(what: str, kind: Kind, value: float, *, before: str, now: str, enough: bool, config: ProfileConfig) -> Measure:
    """A measure with its verdict; without enough rows there is none."""
    limit = getattr(config, kind)
    verdict: Verdict = "unjudged"
    if enough:
        verdict = "stop" if 0 < limit.stop <= value else "warn" if 0 < limit.warn <= value else "ok"
    return Measure(what=what, kind=kind, before=before, now=now, value=value, verdict=verdict)


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Population stability index: the sum over levels of (p - q) ln(p / q), 0 for equal shares (Siddiqi, Credit Risk Scorecards, 2006).

    Args:
        before: Level -> count in the reference.
        now: Level -> count in the newest window.
    """
    levels = sorted({*before, *now})
    shares = []
    for counts in (before, now):
        column = np.array([counts.get(level, 0) for level in levels], float)
        shares.append(np.maximum(column / max(column.sum(), 1.0), SMALLEST_SHARE))
    return float(np.sum((shares[0] - shares[1]) * np.log(shares[0] / shares[1])))


def ks(before: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    """Largest distance of the two distribution functions, from 0 to 1; 0 where a sample is empty."""
    return float(ks_2samp(before, now, method="asymp").statistic) if len(before) and len(now) else 0.0


def fold(before: float, now: float, *, days_before: float, days_now: float) -> float:
    """How many times more, or fewer, there are in a day than before; at least 1."""
    ratio = (now + HALF) / days_now / ((before + HALF) / days_before)
    return max(ratio, 1 / ratio)

"""Two things that should be equal, and in words where they first are not."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.audit.twin import Seen

LAST_BITS = 1e-9
"""Relative difference of 64-bit numbers that is none: sums over a log are added up in an order that depends on its other rows."""
ROUNDING = 1e-4
"""The same of the 32-bit numbers of trained models, beside the greatest of their column: products of matrices are rounded as their place in
memory has it, and training carries that on. What a step learns from an event that it must not see is a hundred times as much."""
TRAINED = (".safetensors", ".npy")
"""Files that hold such numbers."""


def difference(clean: Mapping[str, Seen], planted: Mapping[str, Seen]) -> str:
    """Empty where both hold the same, but for LAST_BITS and ROUNDING; else what differs first, named."""
    if clean.keys() != planted.keys():
        return f"{sorted(clean.keys() ^ planted.keys())} is there only once"
    for name, value in clean.items():
        trained = name.partition(":")[0].endswith(TRAINED)
        told = _between(value, planted[name], rounding=ROUNDING if trained else 0.0)
        if told:
            return f"{name}: {told}"
    return ""


def _between(clean: Seen, planted: Seen, *, rounding: float) -> str:
    if isinstance(clean, pl.DataFrame) and isinstance(planted, pl.DataFrame):
        return _between_frames(clean, planted)
    if isinstance(clean, np.ndarray) and isinstance(planted, np.ndarray):
        return _between_arrays(clean, planted, rounding=rounding)
    if isinstance(clean, str) and isinstance(planted, str):
        return _between_texts(clean, planted)
    return f"a {type(clean).__name__} has become a {type(planted).__name__}"


def _between_frames(clean: pl.DataFrame, planted: pl.DataFrame) -> str:
    if clean.schema != planted.schema:
        return f"columns {dict(clean.schema)} have become {dict(planted.schema)}"
    if clean.height != planted.height:
        return f"{clean.height} rows have become {planted.height}; {_strangers(clean, planted)}"
    differs = pl.DataFrame([_differs(clean[name], planted[name]) for name in clean.columns])
    rows = np.flatnonzero(differs.select(pl.any_horizontal(pl.all())).to_series().to_numpy()) if differs.width else np.zeros(0, np.int64)
    if not len(rows):
        return ""
    first = int(rows[0])
    changes = [f"{name} was {clean[name][first]} and is {planted[name][first]}" for name in clean.columns if differs[name][first]]
    return f"{len(rows)} of {clean.height} rows differ; in the first, of {clean.columns[0]} {clean[first, 0]}: " + ", ".join(changes)


def _strangers(clean: pl.DataFrame, planted: pl.DataFrame) -> str:
    """The first row that only one of two frames has."""
    told, came = ({str(row): None for row in frame.iter_rows(named=True)} for frame in (clean, planted))
    more, fewer, verb = (came, told, "has come") if len(came.keys() - told.keys()) else (told, came, "is gone")
    return f"the first that {verb}: " + next((row for row in more if row not in fewer), "one that was there already")


def _differs(clean: pl.Series, planted: pl.Series) -> pl.Series:
    if clean.dtype != pl.Float64:
        return clean.ne_missing(planted)
    far = ~_same(clean.fill_null(0).to_numpy(), planted.fill_null(0).to_numpy(), rounding=0.0)
    return pl.Series(clean.name, far) | (clean.is_null() != planted.is_null())


def _between_arrays(clean: npt.NDArray[np.generic], planted: npt.NDArray[np.generic], *, rounding: float) -> str:
    if clean.shape != planted.shape or clean.dtype != planted.dtype:
        return f"{clean.dtype} of shape {clean.shape} has become {planted.dtype} of shape {planted.shape}"
    same = _same(clean, planted, rounding=rounding)
    if same.all():
        return ""
    first = tuple(int(place) for place in np.argwhere(~same)[0])
    return f"{int((~same).sum())} of {same.size} values differ; the first, at {first}, was {clean[first]} and is {planted[first]}"


def _same(clean: npt.NDArray[np.generic], planted: npt.NDArray[np.generic], *, rounding: float) -> npt.NDArray[np.bool_]:
    if not np.issubdtype(clean.dtype, np.floating):
        return np.asarray(clean == planted)
    before, after = clean.astype(np.float64), planted.astype(np.float64)
    if clean.dtype == np.float64:
        return np.isclose(before, after, rtol=LAST_BITS, atol=0, equal_nan=True)
    greatest = np.nan_to_num(np.abs(before), nan=0, posinf=0).max(axis=0, initial=0)
    return np.isclose(before, after, rtol=0, atol=rounding * greatest, equal_nan=True)


def _between_texts(clean: str, planted: str) -> str:
    for number, (before, after) in enumerate(zip(clean.splitlines(), planted.splitlines(), strict=False), start=1):
        if before != after:
            return f"line {number} was {before.strip()!r} and is {after.strip()!r}"
    return "" if clean == planted else "one text goes on where the other ends"

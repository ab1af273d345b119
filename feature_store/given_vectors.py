"""Vectors that somebody else has computed, out of landing files: at most one per item, all of one encoder and of one length."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from feature_store.casts import text_of
from feature_store.checks import REASON
from feature_store.errors import LandingError, MixedEncodersError
from feature_store.landing import LandingFile, read_landing


@dataclass(frozen=True, kw_only=True)
class GivenVectors:
    """The vectors of one modality; an item without one has no row."""

    rows: pl.DataFrame
    """`item_id`, each once; `vector` (Array of Float32), null where it has another number of numbers; then `reason` says so."""
    dim: int
    version: str
    """What the files call their encoder, else a digest of the files: without a name, another file may be of another encoder."""
    repeated: int
    """Rows that a later one of the same item replaced."""
    unknown: int
    """Rows of no item of the catalogue."""


def read_given_vectors(files: Sequence[LandingFile], item_ids: pl.Series, *, dim: int = 0) -> GivenVectors:
    """Read landing files with a row per item: `item_id`, `vector` (numbers) and, where wanted, `version` (what encoded it).

    Args:
        files: In the order in which they count: of several rows of an item the last one does, and one without a vector takes it away.
        item_ids: Of the catalogue; rows of other items do not count.
        dim: Length of every vector; 0: the most frequent one.

    Raises:
        LandingError: There is no file, or one cannot be read, lacks a column or holds something else than numbers as vectors.
        MixedEncodersError: The vectors that count name more than one version.
    """
    if not files:
        raise LandingError("there is no file")
    given = pl.concat([_read(file) for file in files])
    known = given.filter(pl.col("item_id").is_in(item_ids.implode()))
    newest = known.unique("item_id", keep="last", maintain_order=True)
    rows = newest.filter(pl.col("vector").is_not_null())
    length = pl.col("vector").list.len()
    wanted = dim or _most_frequent(rows.select(length)["vector"])
    reason = pl.format("vector: {} numbers, not {}", length, pl.lit(wanted))
    judged = rows.with_columns(pl.when(length != wanted).then(reason).alias(REASON))
    fitting = pl.when(pl.col(REASON).is_null()).then("vector")
    return GivenVectors(
        rows=judged.select("item_id", fitting.list.to_array(wanted).alias("vector"), REASON),
        dim=wanted,
        version=_version(rows, files),
        repeated=len(known) - len(newest),
        unknown=len(given) - len(known),
    )


def _read(file: LandingFile) -> pl.DataFrame:
    try:
        raw = read_landing(file.path)
    except LandingError as error:
        raise LandingError(f"{file.name} {error}") from error
    missing = [name for name in ("item_id", "vector") if name not in raw.columns]
    if missing:
        raise LandingError(f"{file.name} has no column {', '.join(missing)}; it has {', '.join(raw.columns)}. Wanted: item_id, vector.")
    dtype = raw.schema["vector"]
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
    if inner is None or not inner.is_numeric():
        raise LandingError(f"{file.name} has {dtype} in the column vector; wanted is a list of numbers per row")
    version = text_of(raw["version"]) if "version" in raw.columns else pl.Series("version", [None] * len(raw), pl.String)
    return pl.DataFrame([text_of(raw["item_id"]), raw["vector"].cast(pl.List(pl.Float32), strict=False), version])


def _most_frequent(lengths: pl.Series) -> int:
    """Of equals the greatest; 1 where there is nothing to count."""
    counts = lengths.value_counts().filter(pl.col("vector") > 0).sort("count", "vector", descending=True)
    return int(counts["vector"][0]) if len(counts) else 1


def _version(rows: pl.DataFrame, files: Sequence[LandingFile]) -> str:
    versions = rows["version"].value_counts(sort=True)
    if len(versions) > 1:
        found = ", ".join(f"{version or 'not named'} ({count} rows)" for version, count in versions.iter_rows())
        raise MixedEncodersError(
            f"{', '.join(file.name for file in files)}: the vectors come from {len(versions)} encoders: {found}. Only vectors of one can "
            "be compared: give every item a vector of the same version, or the versions names of their own in [sources.modalities]."
        )
    named = versions["version"][0] if len(versions) else None
    return str(named) if named else hashlib.sha256("\n".join(file.digest for file in files).encode()).hexdigest()[:16]

"""Join features to moments so that no row sees what was not yet known."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import polars as pl

from feature_store.errors import SchemaError


def join_as_of(asked: pl.DataFrame, features: pl.DataFrame, *, key: str, max_age: timedelta | None = None) -> pl.DataFrame:
    """To each row, the newest features of its key that had happened and were known strictly before `predicted_at`.

    Of several rows that qualify, the one with the latest event_time counts; of those the one known last; of those the last in the table,
    which was ingested last. Features without a key or without one of their times never qualify: nobody can say that they were known.

    Args:
        asked: Has `key` and `predicted_at`, in any order; where one is null, nothing qualifies.
        features: Has `key`, `event_time` and `known_at`, in the order of their ingestion.
        key: Column that says whose features they are.
        max_age: Features whose event_time lies further than this before `predicted_at` count as none.

    Returns:
        The rows of `asked`, each once and in their order, with the columns of `features` behind; null where nothing qualifies.

    Raises:
        SchemaError: A column of the features stands in `asked` too.
        AssertionError: polars gave back other rows than were asked, or sorted a key's features wrongly: a fault of ours or of polars.
    """
    doubled = [name for name in features.columns if name != key and name in asked.columns]
    if doubled:
        raise SchemaError(f"columns {doubled} stand on both sides of a join as of; rename them in the asking frame")
    left = asked.with_row_index("_row")
    rows = features.with_row_index("_sequence").drop_nulls([key, "event_time", "known_at"])
    last = pl.lit(asked["predicted_at"].max(), asked["predicted_at"].dtype)
    rows = rows.filter(_visible() < last).sort(key, "event_time", "known_at", "_sequence")
    # A row that became known only after a later one of its key is never the newest known: an as-of join on the moment at which both
    # times have passed is right once such rows are gone.
    rows = rows.with_columns(_visible().alias("_visible"), pl.int_range(pl.len()).alias("_order"))
    rows = rows.sort(key, "_visible", "_order")
    rows = rows.filter(pl.col("_order") == pl.col("_order").cum_max().over(key))
    rows = rows.unique([key, "_visible"], keep="last", maintain_order=True)
    rows = rows.sort("_visible", maintain_order=True)
    _require(
        rows.select((pl.col("_visible").diff() > timedelta()).over(key).all()).item(), "the features of a key are not in order of time"
    )
    joined = left.sort("predicted_at", maintain_order=True).join_asof(
        rows, left_on="predicted_at", right_on="_visible", by=key, strategy="backward", allow_exact_matches=False, check_sortedness=False
    )
    kept = [name for name in features.columns if name != key]
    if max_age is not None:
        fresh = pl.col("predicted_at") - pl.col("event_time") <= max_age
        joined = joined.with_columns(pl.when(fresh).then(pl.col(name)).alias(name) for name in kept)
    joined = joined.sort("_row")
    _require(joined["_row"].equals(left["_row"]), f"{asked.height} rows were asked and {joined.height} came back, or not the same ones")
    return joined.select(*asked.columns, *kept)


def without_superseded(files: Iterable[pl.LazyFrame], *, key: str, moment: datetime) -> pl.DataFrame:
    """Features out of which `join_as_of` finds the same as out of all of them, whatever is asked at a moment or later.

    Left out is what had been superseded by then; of a long table of features by day that is nearly everything.

    Args:
        files: Features in the order of their ingestion, each file small enough for memory.
        key: As in `join_as_of`.
        moment: With time zone.
    """
    kept = []
    for file in files:
        rows = file.drop_nulls([key, "event_time", "known_at"])
        before = rows.filter(_visible() < moment).sort("event_time", "known_at", maintain_order=True)
        kept += [before.unique(key, keep="last", maintain_order=True).collect(), rows.filter(_visible() >= moment).collect()]
    return pl.concat(kept)


def _visible() -> pl.Expr:
    """A row is found at moments behind this."""
    return pl.max_horizontal("event_time", "known_at")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(f"join as of: {otherwise}; nothing was joined. Please report it with the version of polars, {pl.__version__}.")

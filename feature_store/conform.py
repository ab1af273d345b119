"""Raw columns of any source turned into the types of a table; a value that does not fit is told apart, never dropped in silence."""

import difflib
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from feature_store.casts import cast_column, pairs_of, why_lost
from feature_store.checks import REASON, split_rows
from feature_store.errors import LandingError
from feature_store.quarantine import Refusal
from feature_store.schema import ATTRIBUTES, Table
from feature_store.times import TimeRule

ATTRIBUTE_PREFIX = "attribute."
"""A column `attribute.colour` is the attribute `colour` of its items."""


def conform(
    raw: pl.DataFrame,
    table: Table,
    *,
    needed: Sequence[str],
    defaults: Mapping[str, pl.Expr],
    times: TimeRule,
    separator: str = "|",
    reasons: Sequence[pl.Expr] = (),
) -> tuple[pl.DataFrame, Refusal]:
    """Cast the rows of a source to a table.

    Args:
        raw: Rows as found; columns of the table that are missing hold their null meaning.
        table: What the rows shall become.
        needed: Columns that must be there.
        defaults: Column -> what stands there where the source says nothing; applied in this order, each may read the ones before.
        times: What naive and numeric times mean.
        separator: Parts the categories of a text.
        reasons: Further ones to refuse a row of the table, as text; null where there is none.

    Returns:
        The rows that fit, with all columns of the table, in the order found, and the rows that do not, with reasons.

    Raises:
        LandingError: A column is unknown, a needed one is missing, or one holds a kind of value that cannot be cast.
    """
    _check_names(raw.columns, table, needed)
    values, lost = [], []
    for column in table.columns:
        if column.name in raw.columns:
            cast = cast_column(raw[column.name], column, times=times, separator=separator)
            values.append(cast)
            lost.append(why_lost(raw[column.name], cast, column, times=times))
        else:
            values.append(pl.Series(column.name, [None] * raw.height, column.dtype))
    frame = _with_prefixed_attributes(pl.DataFrame(values), raw)
    frame = frame.with_row_index("row").with_columns(pl.coalesce(*lost).alias(REASON), pl.col("row").cast(pl.Int64))
    misfits = frame.filter(pl.col(REASON).is_not_null()).select("row", REASON)
    fitting = frame.filter(pl.col(REASON).is_null()).drop(REASON)
    for name, default in defaults.items():
        fitting = fitting.with_columns(pl.coalesce(pl.col(name), default).alias(name))
    good, broken = split_rows(fitting, table, reasons)
    refused = pl.concat([misfits, broken.select("row", REASON)]).sort("row")
    return good.select(table.schema.names()), Refusal(refused)


def _check_names(found: Sequence[str], table: Table, needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in found]
    if missing:
        raise LandingError(f"has no column {', '.join(missing)}; it has {', '.join(found)}. Rename with a [mapping] and `vitrine import`.")
    takes_attributes = ATTRIBUTES in table.schema.values()
    for name in found:
        if name not in table.schema and not (takes_attributes and name.startswith(ATTRIBUTE_PREFIX)):
            raise LandingError(f"has an unknown column {name!r}; {_hint(name, table.schema.names())}")


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}. Drop it, or map it with a [mapping]."


def _with_prefixed_attributes(frame: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    named = {name: name.removeprefix(ATTRIBUTE_PREFIX) for name in raw.columns if name.startswith(ATTRIBUTE_PREFIX)}
    if not named:
        return frame
    further = pairs_of(raw.select(pl.col(name).alias(short) for name, short in named.items()))
    return frame.with_columns(pl.concat_list(pl.col("attributes").fill_null(pl.lit([], ATTRIBUTES)), further).alias("attributes"))

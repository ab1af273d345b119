"""Hold a frame against its table: refuse it whole, or split the rows that break the contract from those that keep it."""

from collections.abc import Sequence

import polars as pl

from feature_store.errors import SchemaError
from feature_store.schema import Column, Table

REASON = "reason"
"""Column of a quarantine table that says why a row was refused."""


def check(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The same frame, or an error that names the table, the column, how many rows break it and the first values that do.

    Raises:
        SchemaError: Names or types differ, a value is outside its range or vocabulary, null where none may be, or a key occurs twice.
    """
    if frame.schema != table.schema:
        raise SchemaError(f"{table.name}: {_schema_difference(frame.schema, table.schema)}. Cast or rename the columns and write again.")
    broken = first_break(frame, table)
    if broken:
        raise SchemaError(f"{broken}. Send such rows to quarantine.")
    repeated = frame.filter(pl.struct(table.key).is_duplicated())
    if not repeated.is_empty():
        raise SchemaError(
            f"{table.name}: {repeated.height} of {frame.height} rows share a key {table.key}, "
            f"first {repeated.select(table.key).head(3).rows()}. Keep one row of each key."
        )
    return frame


def first_break(frame: pl.DataFrame, table: Table) -> str | None:
    """The first column, of those that the frame has, whose rule is broken: which, by how many rows, the first values; None: none is."""
    for column in table.columns:
        breaks = _breaks(column)
        if breaks is None or column.name not in frame.columns:
            continue
        breaking = frame.filter(breaks)
        if not breaking.is_empty():
            return (
                f"{table.name}.{column.name}: {breaking.height} of {frame.height} rows break the rule "
                f"«{rule(column)}», first {breaking[column.name].head(3).to_list()}"
            )
    return None


def split_rows(frame: pl.DataFrame, table: Table, further: Sequence[pl.Expr] = ()) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that keep the contract of each column, and those that break it with the reason why.

    The types must fit already and keys are not looked at: what to do with a repeated key is the table's own matter.

    Args:
        frame: Columns of the table, and perhaps others.
        table: Whose contract.
        further: Reasons as text, null where there is none; they come after the contract's.
    """
    rules = [(column, _breaks(column)) for column in table.columns]
    reasons = [pl.when(breaks).then(pl.lit(f"{column.name}: {rule(column)}")) for column, breaks in rules if breaks is not None]
    judged = frame.with_columns(pl.coalesce(*reasons, *further, pl.lit(None, pl.String)).alias(REASON))
    good = judged.filter(pl.col(REASON).is_null()).drop(REASON)
    return good, judged.filter(pl.col(REASON).is_not_null())


def rule(column: Column) -> str:
    """What may stand in a column, in words."""
    parts = [] if column.nullable else ["not null"]
    if column.allowed:
        parts.append("one of " + ", ".join(column.allowed))
    if column.lowest is not None:
        parts.append(f"at least {column.lowest:g}")
    if column.highest is not None:
        parts.append(f"at most {column.highest:g}")
    if column.dtype in (pl.Float32, pl.Float64):
        parts.append("finite")
    return " and ".join(parts) or "anything"


def _breaks(column: Column) -> pl.Expr | None:
    """Whether a value breaks the rules of its column; None without rules: polars 2.1 fails to filter a large frame by a constant."""
    value = pl.col(column.name)
    parts = [] if column.nullable else [value.is_null()]
    if column.allowed:
        parts.append(~value.is_in(column.allowed))
    if column.lowest is not None:
        parts.append(value < column.lowest)
    if column.highest is not None:
        parts.append(value > column.highest)
    if column.dtype in (pl.Float32, pl.Float64):
        parts.append(~value.is_finite())
    return pl.any_horizontal(parts).fill_null(not column.nullable) if parts else None


def _schema_difference(found: pl.Schema, wanted: pl.Schema) -> str:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    other = [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if name in found and found[name] != wanted[name]]
    parts = [f"missing {missing}"] if missing else []
    parts += [f"unknown {extra}"] if extra else []
    parts += other
    return "; ".join(parts) or f"columns stand in the order {list(found)}, not {list(wanted)}"

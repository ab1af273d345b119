"""One raw column in the type that a table wants; null where a value does not fit."""

from typing import Literal

import polars as pl

from feature_store.errors import LandingError
from feature_store.schema import ATTRIBUTES, UTC_TIME, Column
from feature_store.times import TimeRule, parse_times

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def cast_column(raw: pl.Series, column: Column, *, times: TimeRule, separator: str) -> pl.Series:
    """Values of one column in the type of the table, null where there is none or it does not fit.

    Args:
        raw: Values as found.
        column: What they shall become.
        times: What naive and numeric times mean.
        separator: Parts the categories of a text.

    Raises:
        LandingError: The column holds lists, objects or durations where the table has plain values.
    """
    if raw.dtype == pl.Null or raw.dtype == pl.List(pl.Null):
        return pl.Series(raw.name, [None] * len(raw), column.dtype)
    _refuse_durations(raw)
    if isinstance(raw.dtype, pl.Binary | pl.Categorical | pl.Enum):
        raw = text_of(raw)
    if column.dtype == UTC_TIME:
        return parse_times(raw, times)
    if column.dtype == ATTRIBUTES:
        return _attributes(raw)
    if column.dtype == pl.List(pl.String):
        return _texts(raw, separator)
    if raw.dtype.is_nested():
        raise LandingError(f"has {raw.dtype} in the column {column.name}; wanted is one plain value per row")
    return _number(raw, column) if column.dtype.is_numeric() else _truth(raw) if column.dtype == pl.Boolean else text_of(raw)


def why_lost(raw: pl.Series, cast: pl.Series, column: Column, *, times: TimeRule) -> pl.Series:
    """What to tell of values that were there and did not fit; null where none was lost."""
    if raw.dtype.is_nested():
        return pl.Series(raw.name, [None] * len(raw), pl.String)
    readable = _decoded(raw, errors="replace") if raw.dtype == pl.Binary else raw
    found = text_of(readable)
    told = pl.format("{}: {} is not {}", pl.lit(raw.name), pl.col("found").str.slice(0, 60), pl.lit(_expected(column, times)))
    reason = pl.when(pl.col("cast").is_null()).then(told)
    return pl.DataFrame({"found": found, "cast": cast}).select(reason.alias(raw.name))[raw.name]


def pairs_of(columns: pl.DataFrame) -> pl.Series:
    """The attributes of each row: one pair of column name and value, as text, for every column that has a value there.

    A list of plain values is one value, parted by commas.

    Raises:
        LandingError: A column holds objects, or lists of lists or objects.
    """
    texts = columns.select(_attribute(columns[name]) for name in columns.columns)
    pairs = pl.concat_list(pl.struct(pl.lit(name).alias("name"), pl.col(name).alias("value")) for name in texts.columns)
    has_value = pl.element().struct.field("value").is_not_null()
    return texts.select(pairs.alias("attributes"))["attributes"].list.eval(pl.element().filter(has_value))


def _attribute(raw: pl.Series) -> pl.Series:
    if not raw.dtype.is_nested():
        return text_of(raw)
    inner = raw.dtype.inner if isinstance(raw.dtype, pl.List | pl.Array) else None
    if inner is None or inner.is_nested() or inner == pl.Duration:
        raise LandingError(f"has {raw.dtype} in the column {raw.name}; an attribute is a plain value or a list of them")
    parts = raw.alias("part").to_frame().with_row_index().explode("part", empty_as_null=True, keep_nulls=True)
    texts = parts.with_columns(text_of(parts["part"])).group_by("index", maintain_order=True)
    return text_of(texts.agg(pl.col("part").drop_nulls().str.join(", "))["part"]).rename(raw.name)


def text_of(raw: pl.Series) -> pl.Series:
    """Texts; whole numbers without a decimal point; null for an empty text, for bytes that are not UTF-8 and for a missing number.

    Raises:
        LandingError: The column holds durations, which nobody writes alike.
    """
    _refuse_durations(raw)
    if raw.dtype == pl.Binary:
        raw = _decoded(raw, errors="strict")
    value = pl.col(raw.name)
    if raw.dtype.is_float():
        whole = pl.when(value == value.floor()).then(value).cast(pl.Int64, strict=False).cast(pl.String)
        return raw.to_frame().select(pl.coalesce(whole, value.fill_nan(None).cast(pl.String)))[raw.name]
    return raw.cast(pl.String, strict=False).to_frame().select(pl.when(value != "").then(value))[raw.name]


def _refuse_durations(raw: pl.Series) -> None:
    if raw.dtype == pl.Duration:
        raise LandingError(f"has {raw.dtype} in the column {raw.name}; wanted is one plain value per row, such as a number of seconds")


def _decoded(raw: pl.Series, *, errors: Literal["strict", "replace"]) -> pl.Series:
    """Bytes as UTF-8: some writers of Parquet call texts binary. Null where `strict` finds other bytes."""

    def text(value: bytes) -> str | None:
        try:
            return value.decode(errors=errors)
        except UnicodeDecodeError:
            return None

    return pl.Series(raw.name, [None if value is None else text(value) for value in raw], pl.String)


def _number(raw: pl.Series, column: Column) -> pl.Series:
    if raw.dtype.is_temporal() or raw.dtype == pl.Boolean:  # which would count days since 1970, or 1
        return pl.Series(raw.name, [None] * len(raw), column.dtype)
    plain = text_of(raw).str.strip_chars() if raw.dtype == pl.String else raw
    number = plain.cast(pl.Float64, strict=False).fill_nan(None)  # NaN is how pandas writes a missing number
    if column.dtype.is_integer():
        number = number.to_frame().select(pl.when(pl.col(raw.name) == pl.col(raw.name).floor()).then(pl.col(raw.name)))[raw.name]
    return number.cast(column.dtype, strict=False)


def _truth(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.Boolean:
        return raw
    word = pl.col(raw.name).str.to_lowercase().str.strip_chars()
    truth = pl.when(word.is_in(TRUE)).then(True).when(word.is_in(FALSE)).then(False)
    return text_of(raw).to_frame().select(truth.alias(raw.name))[raw.name]


def _texts(raw: pl.Series, separator: str) -> pl.Series:
    parts = raw.cast(pl.List(pl.String), strict=False) if isinstance(raw.dtype, pl.List | pl.Array) else text_of(raw).str.split(separator)
    part = pl.element().str.strip_chars()
    return parts.list.eval(part.filter(part.is_not_null() & (part != "")))


def _attributes(raw: pl.Series) -> pl.Series:
    """Pairs of name and value from a list of such pairs, or from an object with a field per attribute."""
    if isinstance(raw.dtype, pl.Struct):
        return pairs_of(raw.struct.unnest()).rename(raw.name)
    inner = raw.dtype.inner if isinstance(raw.dtype, pl.List) else None
    if not isinstance(inner, pl.Struct) or {field.name for field in inner.fields} != {"name", "value"}:
        raise LandingError(
            f"has {raw.dtype} in the column attributes; wanted is a list of name and value, or a column attribute.NAME for each"
        )
    name, value = (pl.element().struct.field(field).cast(pl.String) for field in ("name", "value"))
    return raw.list.eval(pl.struct(name, value).filter(name.is_not_null() & value.is_not_null()))


def _expected(column: Column, times: TimeRule) -> str:
    if column.dtype == UTC_TIME:
        return times.expected()
    if column.dtype == pl.Boolean:
        return "true or false"
    return "a whole number" if column.dtype.is_integer() else "a number" if column.dtype.is_numeric() else "UTF-8 text"

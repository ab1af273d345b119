"""Times as sources write them, turned into UTC; what a source leaves open is settled by config, never guessed."""

from dataclasses import dataclass

import polars as pl

from feature_store.schema import UTC_TIME

UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Unit of a number -> microseconds."""

FIRST_MICROSECOND, LAST_MICROSECOND = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Years 1 to 9999."""

_ISO = r"^\s*(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?\s*$"


@dataclass(frozen=True, kw_only=True)
class TimeRule:
    """What times mean that do not say it themselves."""

    unit: str = ""
    """Numbers count this unit since 1970 UTC: s, ms or us; empty: numbers are refused."""
    naive_utc: bool = False
    """Times without a zone are UTC; otherwise they are refused."""

    def __post_init__(self) -> None:
        if self.unit not in ("", *UNITS):
            raise ValueError(f"time unit {self.unit!r} is none of {', '.join(UNITS)}; leave it empty where times are not numbers")

    def expected(self) -> str:
        """What is taken, in words."""
        numbers = f", or {self.unit} since 1970" if self.unit else ""
        return f"an ISO time{'' if self.naive_utc else ' with a zone'}{numbers}"


def parse_times(values: pl.Series, rule: TimeRule) -> pl.Series:
    """Moments as UTC microseconds; null where a value says no moment under the rule."""
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None and not rule.naive_utc:
            return _nothing(values)
        moments = values.cast(pl.Datetime("us", dtype.time_zone))
        return moments.dt.replace_time_zone("UTC") if dtype.time_zone is None else moments.dt.convert_time_zone("UTC")
    if dtype == pl.Date:
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") if rule.naive_utc else _nothing(values)
    if dtype.is_numeric():
        return _from_numbers(values, rule)
    if dtype == pl.String:
        return _from_texts(values, rule)
    return _nothing(values)


def _nothing(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [None] * len(values), UTC_TIME)


def _from_numbers(values: pl.Series, rule: TimeRule) -> pl.Series:
    if not rule.unit:
        return _nothing(values)
    scale = UNITS[rule.unit]
    value = pl.col(values.name)
    possible = value.is_between(FIRST_MICROSECOND // scale, LAST_MICROSECOND // scale)
    inside = pl.when(possible).then(value)
    count = inside.cast(pl.Int64) * scale if values.dtype.is_integer() else (inside.cast(pl.Float64) * scale).round().cast(pl.Int64)
    return values.to_frame().select(count.cast(UTC_TIME))[values.name]


def _from_texts(values: pl.Series, rule: TimeRule) -> pl.Series:
    """ISO 8601 with or without seconds, fraction and zone; a number counts where the rule gives a unit."""
    name = values.name
    part = [pl.col(name).str.extract(_ISO, group) for group in range(1, 6)]
    day, minute, second, fraction, zone = part
    text = pl.format(
        "{} {}:{}.{}",
        day,
        minute.fill_null("00:00"),
        second.fill_null("00"),
        fraction.fill_null("0").str.pad_end(6, "0").str.slice(0, 6),
    )
    local = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    digits = zone.str.replace(":", "")
    size = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    offset = pl.when(digits.str.starts_with("-")).then(-size).otherwise(size).fill_null(0)
    moment = (local - pl.duration(minutes=offset)).dt.replace_time_zone("UTC")
    if not rule.naive_utc:
        moment = pl.when(zone.is_not_null()).then(moment)
    moments = values.to_frame().select(moment.alias(name))[name]
    if rule.unit:
        numbers = _from_numbers(values.str.strip_chars().cast(pl.Float64, strict=False), rule)
        moments = moments.to_frame().select(pl.coalesce(pl.col(name), numbers))[name]
    return moments

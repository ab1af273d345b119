"""Times of a source in UTC, without losing those that cannot be read."""

import polars as pl

from feature_store.times import TimeRule, parse_times


def utc_or_as_found(raw: pl.Series, rule: TimeRule) -> pl.Series:
    """Moments in UTC; if one of them cannot be read, texts, so that the quarantine can show what stood there."""
    moments = parse_times(raw, rule)
    if moments.null_count() == raw.null_count():
        return moments
    told = moments.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
    return pl.DataFrame({"told": told, "raw": raw.cast(pl.String)}).select(pl.coalesce("told", "raw").alias(raw.name))[raw.name]

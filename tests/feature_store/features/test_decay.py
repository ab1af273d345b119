from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.features.decay import DECAYED_UNIT, decayed, entering, units_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows_of(events: list[tuple[str, int, float]]) -> pl.DataFrame:
    """Units that enter with a day of a key, of events (key, day, days that it lies before it)."""
    schema = {"key": pl.String, "day": pl.Datetime("us", "UTC"), "moment": pl.Datetime("us", "UTC")}
    rows = [(key, EPOCH + timedelta(days=day), EPOCH + timedelta(days=day - ago)) for key, day, ago in events]
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(entering(pl.col("moment"), pl.col("day")).alias("units"))
    return frame.group_by("key", "day").agg(pl.col("units").sum()).sort("key", "day")


EVENTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(-100, 3000), st.floats(0, 200)), min_size=1, max_size=20)


@given(events=EVENTS)
def test_every_event_counts_half_for_every_thirty_days(events: list[tuple[str, int, float]]) -> None:
    rows = rows_of(events)
    found = decayed(rows["key"], rows["day"], rows["units"])
    for (key, day, _), value in zip(rows.rows(), found, strict=True):
        today = (day - EPOCH).days
        known = [(at, ago) for owner, at, ago in events if owner == key and at <= today]
        wanted = sum(0.5 ** ((today - at + ago) / 30) for at, ago in known)
        assert value == pytest.approx(wanted, abs=2.5 * len(known) * DECAYED_UNIT)


@given(events=EVENTS, apart=st.integers(1, 19))
def test_counting_goes_on_from_any_value_to_the_same_bit(events: list[tuple[str, int, float]], apart: int) -> None:
    rows = rows_of([("a", day, ago) for _, day, ago in events])
    whole = decayed(rows["key"], rows["day"], rows["units"])
    apart = min(apart, rows.height - 1)
    brought = rows[apart : apart + 1].with_columns(value=whole[apart : apart + 1]).with_columns(units_of(pl.col("value"), pl.col("day")))
    behind = pl.concat([brought.select("key", "day", units="value"), rows[apart + 1 :]])
    assert decayed(behind["key"], behind["day"], behind["units"]).to_list() == whole[apart:].to_list()


def test_of_no_row_there_is_no_value() -> None:
    rows = rows_of([])
    assert decayed(rows["key"], rows["day"], rows["units"]).to_list() == []


def test_a_sum_of_millions_is_told_to_the_unit() -> None:
    day = pl.Series([EPOCH + timedelta(days=29)], dtype=pl.Datetime("us", "UTC"))
    units = pl.Series([(1 << 51) - 1])
    frame = pl.DataFrame({"day": day, "value": decayed(pl.Series(["a"]), day, units)})
    assert frame.select(units_of(pl.col("value"), pl.col("day"))).item() == units.item()
    assert np.isclose(frame["value"].item(), (1 << 51) * DECAYED_UNIT * 0.5 ** (29 / 30))

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.errors import SchemaError
from feature_store.point_in_time import join_as_of, without_superseded
from feature_store.schema import UTC_TIME

START = datetime(2025, 1, 1, tzinfo=UTC)
ASKED = {"item_id": pl.String, "predicted_at": UTC_TIME}
FEATURES = {"item_id": pl.String, "event_time": UTC_TIME, "known_at": UTC_TIME, "value": pl.Int64}


Asked = tuple[str | None, int | None]
Row = tuple[str | None, int | None, int | None]
KEYS, HOURS = st.sampled_from(["a", "b", None]), st.none() | st.integers(0, 8)


def hour(number: int | None) -> datetime | None:
    return None if number is None else START + timedelta(hours=number)


def asked_of(rows: Sequence[Asked]) -> pl.DataFrame:
    return pl.DataFrame([(key, hour(at)) for key, at in rows], schema=ASKED, orient="row")


def features_of(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of item, event hour, known hour; the value of a row is its place."""
    told = [(key, hour(event), hour(known), place) for place, (key, event, known) in enumerate(rows)]
    return pl.DataFrame(told, schema=FEATURES, orient="row")


def brute_force(asked: Sequence[Asked], features: Sequence[Row], max_age: int | None) -> list[int | None]:
    answers: list[int | None] = []
    for key, at in asked:
        fit = [
            (event, known, place)
            for place, (item, event, known) in enumerate(features)
            if None not in (key, at, event, known) and item == key and event < at and known < at  # type: ignore[operator]
        ]
        best = max(fit, default=None)  # type: ignore[type-var]
        fresh = best is not None and (max_age is None or at - best[0] <= max_age)  # type: ignore[operator]
        answers.append(best[2] if best is not None and fresh else None)
    return answers


@given(
    asked=st.lists(st.tuples(KEYS, HOURS), max_size=8),
    features=st.lists(st.tuples(KEYS, HOURS, HOURS), max_size=12),
    max_age=st.none() | st.integers(1, 4),
)
def test_every_row_gets_what_a_search_through_all_rows_finds(asked: list[Asked], features: list[Row], max_age: int | None) -> None:
    age = None if max_age is None else timedelta(hours=max_age)
    joined = join_as_of(asked_of(asked), features_of(features), key="item_id", max_age=age)
    assert joined["value"].to_list() == brute_force(asked, features, max_age)
    assert joined.select("item_id", "predicted_at").equals(asked_of(asked))


@given(
    asked=st.lists(st.tuples(KEYS, st.integers(4, 8)), max_size=8),
    features=st.lists(st.tuples(KEYS, HOURS, HOURS), max_size=12),
    files=st.integers(1, 3),
)
def test_what_was_superseded_is_not_missed_later(asked: list[Asked], features: list[Row], files: int) -> None:
    whole = features_of(features)
    parts = [part.lazy() for part in whole.iter_slices(-(-len(features) // files) or 1)] or [whole.lazy()]
    kept = without_superseded(parts, key="item_id", moment=START + timedelta(hours=4))
    assert join_as_of(asked_of(asked), kept, key="item_id").equals(join_as_of(asked_of(asked), whole, key="item_id"))


def test_of_what_was_known_before_the_moment_the_newest_row_of_a_key_alone_is_left() -> None:
    rows: list[Row] = [("a", 1, 1), ("a", 3, 3), ("a", 2, 9), ("b", 2, 2), ("a", 5, 5), ("a", 6, 6)]
    kept = without_superseded([features_of(rows).lazy()], key="item_id", moment=START + timedelta(hours=4))
    assert sorted(kept["value"]) == [1, 2, 3, 4, 5]  # the third may become known later


def test_a_row_known_at_the_very_moment_is_not_seen() -> None:
    assert join_as_of(asked_of([("a", 2)]), features_of([("a", 1, 2)]), key="item_id")["value"].to_list() == [None]


def test_what_nobody_knows_when_it_became_known_is_not_seen() -> None:
    assert join_as_of(asked_of([("a", 9)]), features_of([("a", 1, None)]), key="item_id")["value"].to_list() == [None]


def test_of_equal_times_the_last_ingested_counts_and_rows_asked_twice_come_back_twice() -> None:
    found = join_as_of(asked_of([("a", 9), ("a", 9)]), features_of([("a", 1, 1), ("a", 1, 1)]), key="item_id")
    assert found["value"].to_list() == [1, 1]


def test_a_name_on_both_sides_is_refused() -> None:
    with pytest.raises(SchemaError, match="value"):
        join_as_of(asked_of([("a", 2)]).with_columns(value=pl.lit(1)), features_of([]), key="item_id")

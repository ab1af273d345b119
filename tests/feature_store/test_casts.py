import math
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.casts import cast_column, pairs_of, text_of, why_lost
from feature_store.errors import LandingError
from feature_store.schema import ATTRIBUTES, CATALOGUE, EVENTS, Table
from feature_store.times import TimeRule

STRICT = TimeRule()


def cast(table: Table, name: str, raw: pl.Series) -> list[object]:
    result = cast_column(raw.alias(name), table[name], times=STRICT, separator="|")
    assert result.dtype == table.schema[name]
    return result.to_list()


def lost(table: Table, name: str, raw: pl.Series) -> list[str | None]:
    named = raw.alias(name)
    return why_lost(named, cast_column(named, table[name], times=STRICT, separator="|"), table[name], times=STRICT).to_list()


def test_whole_numbers_become_ids_without_a_decimal_point() -> None:
    assert cast(EVENTS, "user_id", pl.Series([7, 8])) == ["7", "8"]
    assert cast(EVENTS, "user_id", pl.Series([7.0, 7.5, math.nan, None])) == ["7", "7.5", None, None]


@given(st.text(min_size=1))
def test_an_id_of_any_letters_stays_as_it_is(item_id: str) -> None:
    assert cast(EVENTS, "item_id", pl.Series([item_id])) == [item_id]


def test_an_empty_text_is_null() -> None:
    assert cast(CATALOGUE, "title", pl.Series(["", " "])) == [None, " "]


def test_numbers_are_read_from_texts_and_what_is_none_is_told() -> None:
    prices = pl.Series(["4.5", " 7 ", "", None, "cheap"])
    assert cast(CATALOGUE, "price", prices) == [4.5, 7.0, None, None, None]
    assert lost(CATALOGUE, "price", prices) == [None, None, None, None, "price: cheap is not a number"]


def test_not_a_number_is_how_others_write_a_missing_one() -> None:
    assert cast(CATALOGUE, "price", pl.Series([math.nan])) == [None]
    assert lost(CATALOGUE, "price", pl.Series([math.nan])) == [None]


def test_a_position_must_be_whole_and_small_enough() -> None:
    positions = pl.Series([1.0, 1.5, 1e12, math.inf])
    assert cast(EVENTS, "position", positions) == [1, None, None, None]
    assert lost(EVENTS, "position", positions)[1:] == [
        "position: 1.5 is not a whole number",
        "position: 1000000000000 is not a whole number",
        "position: inf is not a whole number",
    ]


@pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum(["4.5", "cheap", "2024-05-01T12:00:00Z"])], ids=["categorical", "enum"])
def test_words_that_are_kept_once_are_read_as_words(kind: pl.DataType) -> None:
    words = pl.Series(["4.5", "cheap", "2024-05-01T12:00:00Z", None], dtype=kind)
    assert cast(CATALOGUE, "price", words) == [4.5, None, None, None]
    assert lost(CATALOGUE, "price", words)[1] == "price: cheap is not a number"
    assert cast(EVENTS, "event_time", words) == [None, None, datetime(2024, 5, 1, 12, tzinfo=UTC), None]
    assert cast(EVENTS, "user_id", words)[0] == "4.5"


@pytest.mark.parametrize("value", [date(2024, 5, 1), time(1), datetime(2024, 5, 1, tzinfo=UTC), True])
def test_what_counts_days_or_truths_is_no_number(value: object) -> None:
    assert cast(EVENTS, "value", pl.Series([value, None])) == [None, None]
    (told, nothing) = lost(EVENTS, "value", pl.Series([value, None]))
    assert told is not None
    assert told.endswith(" is not a number")
    assert nothing is None


@pytest.mark.parametrize("name", ["value", "user_id", "event_time", "attributes"])
def test_a_column_of_durations_is_refused_by_name(name: str) -> None:
    durations = pl.Series([timedelta(seconds=1)])
    with pytest.raises(LandingError, match=f"has Duration.* in the column {name}"):
        cast(EVENTS, name, durations) if name != "attributes" else pairs_of(pl.DataFrame({name: durations}))


def test_truth_has_many_words() -> None:
    words = pl.Series(["true", "No", "1", "0", " YES ", "perhaps", None])
    assert cast(CATALOGUE, "in_stock", words) == [True, False, True, False, True, None, None]
    assert lost(CATALOGUE, "in_stock", words)[5] == "in_stock: perhaps is not true or false"
    assert cast(CATALOGUE, "in_stock", pl.Series([1, 0, 2])) == [True, False, None]


def test_categories_are_parted_trimmed_and_never_empty() -> None:
    assert cast(CATALOGUE, "category", pl.Series(["a | b", "a||", "", None])) == [["a", "b"], ["a"], None, None]
    assert cast(CATALOGUE, "category", pl.Series([["a", None, " "], [], None])) == [["a"], [], None]
    assert cast(CATALOGUE, "category", pl.Series([[1, 2]])) == [["1", "2"]]


def test_a_column_of_nothing_is_null_of_the_right_type() -> None:
    for name in CATALOGUE.schema:
        assert cast(CATALOGUE, name, pl.Series([None, None])) == [None, None]


def test_attributes_come_as_pairs_or_as_an_object() -> None:
    pairs = pl.Series([[{"name": "colour", "value": "red"}, {"name": "size", "value": None}], []], dtype=ATTRIBUTES)
    assert cast(CATALOGUE, "attributes", pairs) == [[{"name": "colour", "value": "red"}], []]
    turned = pl.Series([[{"value": 3, "name": "size"}]])
    assert cast(CATALOGUE, "attributes", turned) == [[{"name": "size", "value": "3"}]]
    fields = pl.Series([{"colour": "red", "size": 3}, {"colour": None, "size": 4}])
    assert cast(CATALOGUE, "attributes", fields) == [
        [{"name": "colour", "value": "red"}, {"name": "size", "value": "3"}],
        [{"name": "size", "value": "4"}],
    ]


NEVER = [("attributes", pl.Series(["red"])), ("title", pl.Series([["a"]])), ("price", pl.Series([{"a": 1}]))]


@pytest.mark.parametrize(("name", "raw"), NEVER)
def test_a_column_that_can_never_fit_is_named_with_what_it_holds(name: str, raw: pl.Series) -> None:
    with pytest.raises(LandingError, match=rf"has .* in the column {name}; wanted is"):
        cast(CATALOGUE, name, raw)


def test_pairs_leave_out_what_has_no_value() -> None:
    found = pairs_of(pl.DataFrame({"body": ["full", None], "abv": [12.0, 7.5]})).to_list()
    assert found == [[{"name": "body", "value": "full"}, {"name": "abv", "value": "12"}], [{"name": "abv", "value": "7.5"}]]


@pytest.mark.parametrize("kind", [pl.List(pl.String), pl.Array(pl.String, 2)], ids=["list", "array"])
def test_a_list_of_plain_values_is_one_attribute(kind: pl.DataType) -> None:
    grapes = pl.Series("grapes", [["Syrah", "Grenache"], None, ["", None], ["Gamay", None]], kind)
    numbers = pl.Series("index", [[1.0, 2.5], [], None, [3.0]])
    found = pairs_of(pl.DataFrame([grapes, numbers])).to_list()
    assert [{pair["name"]: pair["value"] for pair in pairs} for pairs in found] == [
        {"grapes": "Syrah, Grenache", "index": "1, 2.5"},
        {},
        {},
        {"grapes": "Gamay", "index": "3"},
    ]


@pytest.mark.parametrize(
    "values", [[{"red": 1}], [[{"red": 1}]], [[["red"]]], [[timedelta(1)]]], ids=["object", "objects", "lists", "durations"]
)
def test_an_attribute_of_objects_is_refused_by_name(values: list) -> None:
    with pytest.raises(LandingError, match=r"in the column colours; an attribute is a plain value or a list of them"):
        pairs_of(pl.DataFrame({"colours": values}))


@given(st.lists(st.integers(-(2**53), 2**53), max_size=5))
def test_a_whole_number_reads_the_same_from_an_integer_and_a_real_column(numbers: list[int]) -> None:
    assert text_of(pl.Series("x", numbers, pl.Int64)).to_list() == text_of(pl.Series("x", numbers, pl.Float64)).to_list()


def test_bytes_are_read_as_utf8_and_others_are_lost() -> None:
    raw = pl.Series([b"ros\xc3\xa9", b"ros\xe9", None], dtype=pl.Binary)
    assert cast(CATALOGUE, "title", raw) == ["rosé", None, None]
    assert lost(CATALOGUE, "title", raw) == [None, "title: ros\ufffd is not UTF-8 text", None]

from collections.abc import Sequence

import polars as pl
import pytest

from feature_store.checks import REASON
from feature_store.conform import conform
from feature_store.errors import LandingError
from feature_store.schema import CATALOGUE, EVENTS, Table
from feature_store.times import TimeRule


def fit(raw: pl.DataFrame, table: Table = CATALOGUE, needed: Sequence[str] = ("item_id",)) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    defaults = {
        "in_stock": pl.lit(True),
        "category": pl.lit([], pl.List(pl.String)),
        "attributes": pl.lit([], CATALOGUE.schema["attributes"]),
    }
    rows, refusal = conform(raw, table, needed=needed, defaults=defaults if table is CATALOGUE else {}, times=TimeRule())
    assert rows.schema == table.schema
    return rows, refusal.rows.select("row", REASON).rows()


def test_missing_columns_hold_their_null_meaning() -> None:
    rows, refused = fit(pl.DataFrame({"item_id": ["a"]}))
    assert refused == []
    assert rows.row(0, named=True) == {
        **dict.fromkeys(CATALOGUE.schema),
        "item_id": "a",
        "category": [],
        "in_stock": True,
        "attributes": [],
    }


def test_rows_that_do_not_fit_are_told_by_their_place_in_the_file() -> None:
    raw = pl.DataFrame({"item_id": ["a", "", "c", "d", "e"], "price": ["1", "2", "-3", "many", None]})
    rows, refused = fit(raw)
    assert rows["item_id"].to_list() == ["a", "e"]
    assert refused == [(1, "item_id: not null"), (2, "price: at least 0 and finite"), (3, "price: many is not a number")]


def test_the_first_column_that_does_not_fit_is_the_reason() -> None:
    _, refused = fit(pl.DataFrame({"in_stock": ["perhaps"], "price": ["many"], "item_id": ["a"]}))
    assert refused == [(0, "price: many is not a number")]  # price comes before in_stock in the table


def test_columns_named_attribute_join_the_attributes() -> None:
    raw = pl.DataFrame({"item_id": ["a", "b"], "attributes": [[{"name": "x", "value": "1"}], None], "attribute.colour": ["red", None]})
    rows, _ = fit(raw)
    assert rows["attributes"].to_list() == [[{"name": "x", "value": "1"}, {"name": "colour", "value": "red"}], []]


def test_an_unknown_column_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(LandingError, match="has an unknown column 'titl'; did you mean 'title'"):
        fit(pl.DataFrame({"item_id": ["a"], "titl": ["x"]}))


def test_a_column_like_no_other_is_refused_with_all_known_ones() -> None:
    with pytest.raises(LandingError, match="unknown column 'zzz'; known are item_id, group_id"):
        fit(pl.DataFrame({"item_id": ["a"], "zzz": ["x"]}))


def test_events_have_no_attributes() -> None:
    with pytest.raises(LandingError, match=r"unknown column 'attribute\.x'"):
        fit(pl.DataFrame({"attribute.x": ["a"]}), EVENTS, needed=())


def test_a_needed_column_that_is_missing_is_named_with_those_found() -> None:
    with pytest.raises(LandingError, match="has no column item_id; it has sku, title"):
        fit(pl.DataFrame({"sku": ["a"], "title": ["x"]}))


def test_a_file_of_no_rows_conforms_to_no_rows() -> None:
    rows, refused = fit(pl.DataFrame({"item_id": []}, schema={"item_id": pl.Int32}))
    assert rows.is_empty()
    assert refused == []

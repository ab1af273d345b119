import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.labelled import attribute_values, stated_values, without_attributes
from feature_store.schema import CATALOGUE


def catalogue() -> pl.DataFrame:
    rows = [
        {
            "item_id": "a",
            "category": ["clothes", "scarf"],
            "attributes": [{"name": "colour", "value": "red"}, {"name": "size", "value": "L"}],
        },
        {"item_id": "b", "category": [], "attributes": []},
        {"item_id": "c", "category": ["home"], "attributes": [{"name": "colour", "value": ""}, {"name": "colour", "value": "blue"}]},
    ]
    schema = {name: CATALOGUE.schema[name] for name in ("item_id", "category", "attributes")}
    return pl.DataFrame(rows, schema=schema)


def test_an_item_has_the_first_value_that_says_something() -> None:
    assert attribute_values(catalogue(), "colour") == ["red", None, "blue"]


def test_the_category_is_the_narrowest() -> None:
    assert attribute_values(catalogue(), "category") == ["scarf", None, "home"]


def test_an_attribute_that_no_item_has_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(LandingError, match="no item has the attribute 'color'; there are category, colour, size"):
        stated_values(catalogue(), "color")
    assert attribute_values(catalogue(), "color") == [None, None, None]


def test_only_the_named_attributes_are_left_out() -> None:
    silent = without_attributes(catalogue(), ["colour"])
    assert silent["attributes"].to_list() == [[{"name": "size", "value": "L"}], [], []]
    assert silent["category"].to_list() == catalogue()["category"].to_list()
    assert without_attributes(catalogue(), ["category"])["category"].to_list() == [[], [], []]
    assert silent.schema == catalogue().schema

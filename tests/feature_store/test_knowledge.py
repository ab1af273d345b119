import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.knowledge import shared_entities, triples_of_attributes, two_hops
from feature_store.schema import ATTRIBUTES

WINES = pl.DataFrame(
    {
        "item_id": ["w1", "w2", "w3"],
        "attributes": [
            [{"name": "grapes", "value": "Merlot,  Malbec,"}, {"name": "region", "value": "Mendoza"}, {"name": "abv", "value": "13"}],
            [{"name": "grapes", "value": "Malbec"}, {"name": "grapes", "value": "Malbec"}],
            [],
        ],
    },
    schema_overrides={"attributes": ATTRIBUTES},
)


def test_a_value_is_parted_into_its_entities_and_each_counts_once() -> None:
    found = triples_of_attributes(WINES, ["grapes"], separator=",")
    assert found.rows() == [("w1", "grapes", "Merlot"), ("w1", "grapes", "Malbec"), ("w2", "grapes", "Malbec")]


def test_without_a_separator_a_value_is_one_entity() -> None:
    assert triples_of_attributes(WINES, ["grapes"], separator="")["entity"].to_list() == ["Merlot,  Malbec,", "Malbec"]


def test_no_attribute_asked_for_is_no_triple() -> None:
    assert triples_of_attributes(WINES, [], separator=",").is_empty()


def test_an_attribute_that_no_item_has_is_refused_by_name() -> None:
    with pytest.raises(LandingError, match="no item has the attribute 'grape'; there are abv, grapes, region"):
        triples_of_attributes(WINES, ["region", "grape"], separator=",")


def test_what_an_entity_is_linked_with_is_two_hops_from_its_items() -> None:
    triples = triples_of_attributes(WINES, ["region"], separator=",")
    links = pl.DataFrame({"entity": ["Mendoza", "Rioja"], "relation": "country", "other": ["Argentina", "Spain"]})
    assert two_hops(triples, links).rows() == [("w1", "region", "Mendoza"), ("w1", "region/country", "Argentina")]


def test_entities_of_one_item_alone_are_left_out() -> None:
    triples = triples_of_attributes(WINES, ["grapes", "region"], separator=",")
    assert shared_entities(triples, min_items=2).rows() == [("w1", "grapes", "Malbec"), ("w2", "grapes", "Malbec")]

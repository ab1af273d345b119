import polars as pl
import pytest

from feature_store.schema import CATALOGUE, EVENTS, columns_named, item_embeddings


def test_a_table_of_no_rows_has_its_schema() -> None:
    assert EVENTS.empty().schema == EVENTS.schema


def test_every_key_is_a_column_that_is_never_null() -> None:
    for table in (EVENTS, CATALOGUE, item_embeddings(3)):
        assert not any(table[name].nullable for name in table.key)


def test_an_unknown_column_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"events has no column colour; it has \['event_id'"):
        EVENTS["colour"]


def test_columns_come_in_the_order_asked_for() -> None:
    assert [column.name for column in columns_named(EVENTS, ["text", "user_id"])] == ["text", "user_id"]


def test_the_length_of_a_vector_is_part_of_its_type() -> None:
    assert item_embeddings(7).schema["vector"] == pl.Array(pl.Float32, 7)

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from feature_store.catalogue import conform_catalogue, upsert
from feature_store.schema import CATALOGUE
from feature_store.times import TimeRule


def items(**titles: str) -> pl.DataFrame:
    raw = pl.DataFrame({"item_id": list(titles), "title": list(titles.values())}, schema={"item_id": pl.String, "title": pl.String})
    return conform_catalogue(raw, TimeRule())[0]


def test_old_items_keep_their_place_and_new_ones_go_behind() -> None:
    after = upsert(items(b="B", a="A"), items(c="C", a="A2"))
    assert after.rows.select("item_id", "title").rows() == [("b", "B"), ("a", "A2"), ("c", "C")]
    assert (after.new, after.changed) == (1, 1)


def test_the_last_of_several_rows_of_an_item_counts() -> None:
    after = upsert(CATALOGUE.empty(), pl.concat([items(a="old", b="B"), items(a="new")]))
    assert after.rows.select("item_id", "title").rows() == [("a", "new"), ("b", "B")]
    assert (after.new, after.changed) == (2, 0)


def test_a_row_replaces_the_item_whole() -> None:
    priced = items(a="A").with_columns(price=pl.lit(9.0))
    assert upsert(priced, items(a="A")).rows["price"].to_list() == [None]


def test_the_same_rows_again_change_nothing() -> None:
    table = items(a="A", b="B").with_columns(attributes=pl.lit([{"name": "x", "value": "1"}], CATALOGUE.schema["attributes"]))
    after = upsert(table, table.reverse())
    assert after.rows.equals(table)
    assert (after.new, after.changed) == (0, 0)


deliveries = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=2), max_size=4), max_size=5)


@given(deliveries)
def test_no_delivery_ever_moves_or_drops_an_item(batches: list[dict[str, str]]) -> None:
    table = CATALOGUE.empty()
    for batch in batches:
        after = upsert(table, items(**batch)).rows
        assert after["item_id"].head(table.height).equals(table["item_id"])
        assert set(after["item_id"]) == {*table["item_id"], *batch}
        table = after

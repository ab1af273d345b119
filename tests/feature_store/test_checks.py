import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.checks import REASON, check, rule, split_rows
from feature_store.errors import SchemaError
from feature_store.schema import Column, Table
from tests.support.shelf import SHELF, shelf


def test_rows_that_keep_the_contract_come_back_unchanged() -> None:
    frame = shelf(("x", "a", 0.0), ("y", None, 1.0), ("z", "b", None))
    assert check(frame, SHELF) is frame


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((None, "a", 0.5), r"shelf.name: 1 of 2 rows break the rule «not null»"),
        (("y", "c", 0.5), r"shelf.kind: 1 of 2 rows break the rule «one of a, b», first \['c'\]"),
        (("y", "a", -0.1), r"shelf.share: 1 of 2 rows .*«at least 0 and at most 1 and finite», first \[-0.1\]"),
        (("y", "a", 1.1), r"shelf.share"),
        (("y", "a", math.nan), r"shelf.share"),
        (("y", "a", math.inf), r"shelf.share"),
        (("x", "a", 0.5), r"shelf: 2 of 2 rows share a key \('name',\), first \[\('x',\)"),
    ],
)
def test_a_broken_row_is_told_with_column_rule_count_and_value(row: tuple[str | None, str, float], told: str) -> None:
    with pytest.raises(SchemaError, match=told):
        check(shelf(("x", "a", 0.5), row), SHELF)


def test_missing_unknown_and_mistyped_columns_are_all_named() -> None:
    with pytest.raises(SchemaError, match=r"missing \['share'\]; unknown \['price'\]; kind is Int64, not String"):
        check(pl.DataFrame({"name": ["x"], "kind": [1], "price": [1.0]}), SHELF)


def test_the_order_of_columns_counts() -> None:
    with pytest.raises(SchemaError, match="columns stand in the order"):
        check(shelf(("x", "a", 0.5)).select("kind", "name", "share"), SHELF)


def test_the_first_broken_rule_is_the_reason() -> None:
    _, broken = split_rows(shelf(("x", "c", 7.0)), SHELF)
    assert broken[REASON].to_list() == ["kind: one of a, b"]


def test_a_column_without_rules_takes_anything() -> None:
    assert rule(Column(name="text", dtype=pl.String, meaning="words", nullable=True)) == "anything"


def test_a_large_frame_is_judged_as_a_small_one() -> None:
    names = pl.DataFrame({"name": [str(number) for number in range(200_000)]})
    large = names.with_columns(kind=pl.lit(None, pl.String), share=pl.lit(None, pl.Float64))
    assert check(large, SHELF) is large
    assert split_rows(large, SHELF)[0].height == 200_000


def test_a_large_table_without_rules_takes_every_row() -> None:
    free = Table(name="free", version=1, key=("n",), columns=(Column(name="n", dtype=pl.Int64, meaning="any", nullable=True),))
    large = pl.DataFrame({"n": range(200_000)})
    assert check(large, free) is large
    assert split_rows(large, free)[0].height == 200_000


values = st.tuples(st.none() | st.text(max_size=3), st.none() | st.sampled_from("abc"), st.none() | st.floats())


@given(st.lists(values))
def test_every_row_is_kept_or_refused_with_a_reason_and_what_is_kept_passes_the_check(rows: list[tuple[str, str, float]]) -> None:
    good, broken = split_rows(shelf(*rows), SHELF)
    assert good.height + broken.height == len(rows)
    assert broken[REASON].null_count() == 0
    check(good.unique("name"), SHELF)

"""Attributes of items: what the shop says, and a catalogue in which it says nothing of some of them."""

from collections.abc import Sequence

import polars as pl

from feature_store.errors import LandingError

CATEGORY = "category"
"""Not an attribute by name, but labelled like one: the last of an item's categories."""


def attribute_values(catalogue: pl.DataFrame, name: str) -> list[str | None]:
    """Of each item the value of an attribute, the first where it has several; None where it has none.

    Args:
        catalogue: Rows of the table `catalogue`.
        name: Of an attribute; or CATEGORY.
    """
    if name == CATEGORY:
        return catalogue["category"].list.drop_nulls().list.last().to_list()
    own = pl.element().struct.field("value").filter(pl.element().struct.field("name") == name, pl.element().struct.field("value") != "")
    return catalogue["attributes"].list.eval(own).list.first().to_list()


def stated_values(catalogue: pl.DataFrame, name: str) -> list[str | None]:
    """As `attribute_values`, of an attribute that the shop states.

    Raises:
        LandingError: No item has it.
    """
    values = attribute_values(catalogue, name)
    if all(value is None for value in values):
        names = catalogue["attributes"].explode(empty_as_null=False).struct.field("name").drop_nulls().unique().sort()
        raise LandingError(f"no item has the attribute {name!r}; there are {', '.join([CATEGORY, *names])}. Change [labels] attributes.")
    return values


def without_attributes(catalogue: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The same rows with nothing said of these attributes."""
    left = pl.element().filter(~pl.element().struct.field("name").is_in(list(names)))
    rows = catalogue.with_columns(attributes=pl.col("attributes").list.eval(left))
    return rows.with_columns(category=pl.lit([], rows.schema["category"])) if CATEGORY in names else rows

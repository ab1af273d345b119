"""The items on sale: one row each, whose place never changes, because it is the item's row in every embedding table."""

from dataclasses import dataclass

import polars as pl

from feature_store.conform import conform
from feature_store.quarantine import Refusal
from feature_store.schema import ATTRIBUTES, CATALOGUE
from feature_store.times import TimeRule


@dataclass(frozen=True, kw_only=True)
class Upserted:
    """A catalogue after new rows."""

    rows: pl.DataFrame
    """Old items in their old places, new ones behind."""
    new: int
    changed: int
    """Old items that hold something else than before."""


def conform_catalogue(raw: pl.DataFrame, times: TimeRule) -> tuple[pl.DataFrame, Refusal]:
    """Rows of a source as items.

    Args:
        raw: Columns of the table `catalogue`; item_id must be there. Missing: in stock, no category, no attributes, else null.
            A category may be a text parted by `|`; a column `attribute.colour` is the attribute colour.
        times: What naive and numeric times mean.

    Raises:
        LandingError: A column is missing, unknown or cannot be cast.
    """
    defaults = {"in_stock": pl.lit(True), "category": pl.lit([], pl.List(pl.String)), "attributes": pl.lit([], ATTRIBUTES)}
    return conform(raw, CATALOGUE, needed=("item_id",), defaults=defaults, times=times)


def upsert(items: pl.DataFrame, incoming: pl.DataFrame) -> Upserted:
    """Put incoming rows over the items they name, whole: what an incoming row leaves empty becomes empty.

    Args:
        items: The catalogue so far, each item once.
        incoming: Any number of rows per item; the last counts.
    """
    everything = pl.concat([items, incoming])
    order = everything.select("item_id").unique(keep="first", maintain_order=True)
    newest = everything.unique("item_id", keep="last", maintain_order=True)
    rows = order.join(newest, on="item_id", how="left", maintain_order="left").select(CATALOGUE.schema.names())
    before = rows.head(items.height)
    differs = pl.DataFrame([before[name].ne_missing(items[name]).alias(name) for name in CATALOGUE.schema])
    changed = int(differs.select(pl.any_horizontal(pl.all()).sum()).item())
    return Upserted(rows=rows, new=rows.height - items.height, changed=changed)

"""The catalogue held against the one of the last night."""

from collections.abc import Iterator, Mapping

import polars as pl

from feature_store.schema import CATALOGUE
from pipelines.quality.config import ProfileConfig
from pipelines.quality.measures import Measure, judge

ITEMS = "items"
OPTIONAL = tuple(column.name for column in CATALOGUE.columns if column.nullable)


def profile_catalogue(catalogue: pl.LazyFrame, encoded: Mapping[str, pl.LazyFrame]) -> dict[str, float]:
    """How many items there are, and which share of them lacks or has what.

    Args:
        catalogue: Rows of the table `catalogue`.
        encoded: Modality -> its rows of the table `item_embeddings`.
    """
    lacking = [pl.col(name).is_null().mean().alias(f"without {name}") for name in OPTIONAL]
    category = (pl.col("category").list.len() == 0).mean().alias("without category")
    counted = catalogue.select(pl.len().alias(ITEMS), pl.col("in_stock").mean().alias("in stock"), category, *lacking).collect()
    present = {f"with {name} vector": rows.select(pl.col("presence").sum()).collect().item() for name, rows in encoded.items()}
    values = {name: float(value or 0) for name, value in counted.row(0, named=True).items()}
    return values | {name: float(value or 0) / max(values[ITEMS], 1) for name, value in present.items()}


def compare_catalogues(before: Mapping[str, float], now: Mapping[str, float], config: ProfileConfig) -> Iterator[Measure]:
    """Every share, and the number of items, against the last night's; what is new has nothing to be compared with."""
    enough = min(before.get(ITEMS, 0), now[ITEMS]) > 0
    for name, value in now.items():
        old = before.get(name)
        if name == ITEMS:
            change = abs(value - old) / max(old, 1) if old is not None else 0.0
            told = ["none" if found is None else f"{found:,.0f}" for found in (old, value)]
            what = "items of the catalogue"
        else:
            change = abs(value - old) if old is not None else 0.0
            told = ["none" if found is None else f"{found:.1%}" for found in (old, value)]
            what = f"items {name}"
        yield judge(what, "catalogue", change, before=told[0], now=told[1], enough=enough and old is not None, config=config)

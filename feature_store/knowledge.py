"""What is known of items as triples (item_id, relation, entity): out of attributes, one hop further, and without what tells items apart."""

from collections.abc import Sequence

import polars as pl

from feature_store.errors import LandingError
from feature_store.schema import KNOWLEDGE


def triples_of_attributes(catalogue: pl.DataFrame, names: Sequence[str], *, separator: str) -> pl.DataFrame:
    """Attributes of the catalogue as triples, the attribute's name being the relation.

    Args:
        catalogue: Rows of the table `catalogue`.
        names: Attributes that take part.
        separator: Parts several entities in one value; empty: a value is one entity.

    Raises:
        LandingError: No item has an attribute of this name.
    """
    pairs = catalogue.select("item_id", "attributes").explode("attributes", empty_as_null=False).unnest("attributes")
    missing = [name for name in names if name not in pairs["name"]]
    if missing:
        there = ", ".join(pairs["name"].unique().sort()) or "none"
        raise LandingError(f"no item has the attribute {missing[0]!r}; there are {there}. Change [knowledge] from_attributes.")
    chosen = pairs.filter(pl.col("name").is_in(list(names)))
    value = pl.col("value").str.split(separator) if separator else pl.concat_list("value")
    entities = chosen.select("item_id", pl.col("name").alias("relation"), value.alias("entity")).explode("entity")
    plain = entities.with_columns(pl.col("entity").str.strip_chars())
    return plain.filter(pl.col("entity") != "").unique(maintain_order=True).select(KNOWLEDGE.schema.names())


def two_hops(triples: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The same triples and, behind them, the entities that theirs are linked with, under the relation `first/second`.

    Args:
        triples: Rows of the table `knowledge`.
        links: Rows of `ENTITY_LINKS`; those of entities that no item has lead nowhere.
    """
    reached = triples.join(links, on="entity", suffix="_of_entity", maintain_order="left").select(
        "item_id", pl.format("{}/{}", "relation", "relation_of_entity").alias("relation"), pl.col("other").alias("entity")
    )
    return pl.concat([triples, reached]).unique(maintain_order=True)


def shared_entities(triples: pl.DataFrame, *, min_items: int) -> pl.DataFrame:
    """Triples whose entity at least `min_items` items have by the same relation: the others say of an item only which one it is."""
    return triples.filter(pl.col("item_id").n_unique().over("relation", "entity") >= min_items)

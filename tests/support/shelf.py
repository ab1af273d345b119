"""A small table with a contract, and rows of it."""

import polars as pl

from feature_store.schema import Column, Table

SHELF = Table(
    name="shelf",
    version=1,
    key=("name",),
    columns=(
        Column(name="name", dtype=pl.String, meaning="what"),
        Column(name="kind", dtype=pl.String, meaning="a or b", nullable=True, allowed=("a", "b")),
        Column(name="share", dtype=pl.Float64, meaning="0 to 1", nullable=True, lowest=0, highest=1),
    ),
)


def shelf(*rows: tuple[str | None, str | None, float | None]) -> pl.DataFrame:
    """Rows of SHELF: name, kind, share."""
    return pl.DataFrame(list(rows), schema=SHELF.schema, orient="row")

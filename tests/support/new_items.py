"""Items for the release of `tiny_release` that it does not know."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from feature_store.online.protocol import AddedItem
from feature_store.schema import CATALOGUE, item_embeddings
from recsys.slate.added_items import describe_items
from recsys.slate.release_reader import Release
from tests.support.tiny_release import COLOURS, DIM


def new_rows(item_ids: Sequence[str], *, colour: str = "red", dated: bool = False, **columns: object) -> pl.DataFrame:
    """Rows of the table `catalogue`."""
    row = {"category": [colour], "in_stock": True, "price": 5.0, "attributes": [], **columns}
    row["available_from"] = datetime(2025, 12, 31, tzinfo=UTC) if dated else None
    return pl.DataFrame([{"item_id": item_id, **row} for item_id in item_ids], schema=CATALOGUE.schema)


def photos_of(item_ids: Sequence[str], *, colour: str = "red") -> dict[str, pl.DataFrame]:
    """Rows of the table `item_embeddings`: photos of one colour."""
    vector = np.eye(DIM, dtype=np.float32)[COLOURS.index(colour)].tolist()
    rows = [(item_id, "image", "v1", item_id, True, vector) for item_id in item_ids]
    return {"image": pl.DataFrame(rows, schema=item_embeddings(DIM).schema, orient="row")}


def new_items(release: Release, item_ids: Sequence[str], *, colour: str = "red", **columns: object) -> list[AddedItem]:
    """Items of one colour, in the photo and in the category."""
    return describe_items(release, new_rows(item_ids, colour=colour, **columns), photos_of(item_ids, colour=colour))

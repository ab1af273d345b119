import polars as pl

from feature_store.schema import CATALOGUE
from recsys.data.items import build_items


def catalogue(*ids: str) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in CATALOGUE.schema.items() if name not in ("item_id", "category")]
    known = pl.DataFrame({"item_id": ids, "category": [[]] * len(ids)}, schema_overrides={"category": pl.List(pl.String)})
    return known.with_columns(missing).with_columns(in_stock=True)


def rows(vectors: dict[str, list[float] | None]) -> pl.DataFrame:
    frame = pl.DataFrame({"item_id": list(vectors), "vector": pl.Series(list(vectors.values()), dtype=pl.Array(pl.Float32, 2))})
    return frame.with_columns(presence=pl.col("vector").is_not_null())


def test_vectors_lie_by_item_whatever_file_and_place_they_come_from() -> None:
    given = pl.concat([rows({"b": [3.0, 4.0], "gone": [9.0, 9.0], "c": None}), rows({"a": [1.0, 2.0]})])
    items = build_items(catalogue("a", "b", "c", "d"), {"image": given})
    assert items.vectors["image"].tolist() == [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]]
    assert items.presence["image"].tolist() == [True, True, False, False]


def test_a_modality_that_nobody_has_is_absent_everywhere() -> None:
    items = build_items(catalogue("a"), {"image": rows({"a": None}).clear()})
    assert (items.vectors["image"].tolist(), items.presence["image"].tolist()) == ([[0.0, 0.0]], [False])

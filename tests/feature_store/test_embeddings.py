from pathlib import Path

import polars as pl
import pytest

from feature_store.embeddings import read_embeddings
from feature_store.errors import MixedEncodersError
from feature_store.layout import TableReader, Workspace
from feature_store.schema import item_embeddings

DIM = 2


def rows(modality: str, ids: list[str], version: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item_id": ids,
            "modality": modality,
            "encoder_version": version,
            "content_digest": ids,
            "presence": True,
            "vector": pl.Series([[0.6, 0.8]] * len(ids), dtype=pl.Array(pl.Float32, DIM)),
        }
    )


def write(root: Path, parts: list[pl.DataFrame]) -> TableReader:
    workspace = Workspace(root)
    with workspace.write("item_embeddings") as writer:
        for number, part in enumerate(parts):
            writer.write(part, item_embeddings(DIM), file=f"modality={part['modality'][0]}/part-{number:06d}.parquet")
        writer.commit(facts={"dims": {part["modality"][0]: DIM for part in parts}})
    return workspace.read("item_embeddings")


def test_each_modality_has_its_rows_and_an_encoder_of_its_own(tmp_path: Path) -> None:
    table = write(tmp_path, [rows("image", ["a"], "v1"), rows("image", ["b"], "v1"), rows("text", ["a"], "v2")])
    assert {modality: frame["item_id"].to_list() for modality, frame in read_embeddings(table).items()} == {
        "image": ["a", "b"],
        "text": ["a"],
    }


def test_two_encoders_in_one_modality_are_refused_and_named(tmp_path: Path) -> None:
    table = write(tmp_path, [rows("text", ["a", "b"], "v1"), rows("text", ["c"], "v2")])
    with pytest.raises(MixedEncodersError, match=r"the text vectors .* v1 \(2 rows\), v2 \(1 rows\).*vitrine nightly --from embed_items"):
        read_embeddings(table)

from pathlib import Path

import polars as pl
import pytest
import torch

from feature_store.embeddings import numbers_of, read_embeddings
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


def in_half(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.cast({"vector": pl.Array(pl.Float16, DIM)})


def write(root: Path, parts: list[pl.DataFrame]) -> TableReader:
    workspace = Workspace(root)
    with workspace.write("item_embeddings") as writer:
        storage = {}
        for number, part in enumerate(parts):
            modality, half = part["modality"][0], part.schema["vector"] == pl.Array(pl.Float16, DIM)
            storage[modality] = "fp16" if half else "fp32"
            writer.write(part, item_embeddings(DIM, half=half), file=f"modality={modality}/part-{number:06d}.parquet")
        writer.commit(facts={"dims": dict.fromkeys(storage, DIM), "storage": storage})
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


def test_vectors_kept_in_fp16_are_read_in_fp32(tmp_path: Path) -> None:
    read = read_embeddings(write(tmp_path, [in_half(rows("image", ["a"], "v1")), rows("text", ["a"], "v2")]))
    assert read["image"].schema["vector"] == read["text"].schema["vector"] == pl.Array(pl.Float32, DIM)
    assert read["image"]["vector"][0].to_list() == pytest.approx([0.6, 0.8], abs=2**-11)


@pytest.mark.parametrize("half", [False, True])
def test_numbers_reach_torch_from_where_they_were_read_to(tmp_path: Path, half: bool) -> None:
    frame = rows("image", ["a", "b", "c"], "v1").with_columns(vector=pl.when(pl.col("item_id") != "b").then("vector"))
    frame.with_columns(pl.col("vector").cast(pl.Array(pl.Float16 if half else pl.Float32, DIM))).write_parquet(tmp_path / "file")
    read = pl.read_parquet(tmp_path / "file")["vector"]
    (numbers,) = numbers_of(read)
    tensor = torch.from_dlpack(numbers).reshape(-1, DIM)
    assert tensor.data_ptr() == numbers.to_numpy().ctypes.data == read.to_arrow().values.buffers()[1].address
    assert tensor[[0, 2]].flatten().tolist() == pytest.approx([0.6, 0.8, 0.6, 0.8], abs=2**-11)


def test_numbers_of_some_rows_are_those_of_these_rows() -> None:
    vectors = pl.Series([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=pl.Array(pl.Float32, DIM))
    assert [part.to_pylist() for part in numbers_of(pl.concat([vectors[1:], vectors[:1]]))] == [[3.0, 4.0, 5.0, 6.0], [1.0, 2.0]]
    assert [part.to_pylist() for part in numbers_of(vectors.clear())] == [[]]

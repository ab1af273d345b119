"""Query encoders of real weights on real photos and texts: MiniLM and a MobileNet trained on ImageNet."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.stages import embed_items, export_query_encoders, train_encoders
from recsys.encoders.query_files import load_description
from recsys.slate.query_encoder import open_query_encoders
from tests.support.embedded_shop import write_catalogue, write_nothing_tuned
from tests.support.stages import run_stage

ITEMS = 220


@pytest.mark.slow
def test_graphs_of_real_encoders_give_their_vectors_on_two_hundred_films(tmp_path: Path, shared: Path) -> None:
    films, weights = shared / "data" / "ml-latest-small", shared / "weights" / "mobilenetv2_100_tf_in1k_fp16.safetensors"
    if not (films.is_dir() and weights.is_file()):
        pytest.skip("needs the films and the image weights in ../shared")
    items = pl.read_parquet(films / "items.parquet").filter(pl.col("image_path").is_not_null()).head(ITEMS)
    texts = items.select(pl.concat_str("title", "text", separator=". ", ignore_nulls=True)).to_series()
    write_catalogue(tmp_path, items["image_path"].to_list(), dict(enumerate(texts)))
    embed = {
        "image_model": "mobilenetv2_100",
        "image_weights": str(weights),
        "image_model_options": ["pad_type=same"],
        "image_normalisation": "half",
        "precision": "fp32",
    }
    sections = {"embed": embed, "sources": {"images": str(films)}}
    write_nothing_tuned(tmp_path)
    for stage in (train_encoders.STAGE, embed_items.STAGE):
        run_stage(stage, tmp_path, **sections)
    table = run_stage(export_query_encoders.STAGE, tmp_path, **sections)
    for one in load_description(table.folder).parity.values():
        assert one.compared == 200
        assert one.min_cosine is not None
        assert one.min_cosine >= 0.999
        assert one.min_cosine_to_items is not None
        assert one.min_cosine_to_items >= 0.999
    encoders = open_query_encoders(table.folder)
    assert encoders.text is not None
    warm, cold = encoders.text.encode(["a film about toys that come alive", "a trial in a court of law"])
    toys, law = encoders.text.encode(["Toy Story", "A Few Good Men, lawyers"], of_items=True)
    assert warm @ toys > cold @ toys
    assert cold @ law > warm @ law

"""A shop that describes its products and neither names nor shows them: nothing reads what no item has."""

import json
from pathlib import Path

import onnxruntime
import polars as pl
import pytest

from feature_store.layout import Workspace
from recsys.slate.release_reader import read_release
from tests.support.small_night import draw, small_night

pytestmark = pytest.mark.slow


def test_a_shop_of_descriptions_alone_publishes_what_reads_descriptions_alone(tmp_path: Path) -> None:
    draw(tmp_path)
    (drawn,) = (tmp_path / "landing" / "catalogue").iterdir()
    rows = pl.read_parquet(drawn)
    nameless = [pl.lit(None, pl.String).alias(name) for name in ("title", "image_uri")]
    rows.with_columns(*nameless, *(pl.lit([], rows.schema[name]).alias(name) for name in ("category", "attributes"))).write_parquet(drawn)

    night = small_night(tmp_path)
    encoded = next(result.facts["encoded"] for result in night.results if result.name == "embed_items")
    assert encoded == {"image": 0, "text": 0, "description": rows["description"].count()}
    profile = json.loads(Workspace(tmp_path).read("input_profile").path("profile.json").read_text(encoding="utf-8"))["catalogue"]
    assert profile["with description vector"] == pytest.approx(rows["description"].count() / len(rows))
    assert profile["with text vector"] == 0
    release = read_release(tmp_path / "releases" / night.release_id)
    graph = onnxruntime.InferenceSession(release.folder / "item_tower.onnx", providers=["CPUExecutionProvider"])
    assert {wanted.name for wanted in graph.get_inputs()} == {"categories", "vector.description", "presence.description"}
    assert release.ranking_items.modalities == ("description",)
    assert [name for name in release.ranking["feature_names"] if name.endswith("_nearest")] == ["description_nearest"]
    slices = json.loads((release.folder / "evaluation.json").read_text(encoding="utf-8"))["slices"]
    assert {"content: text only", "modality description: present"} < slices.keys()
    assert not {"content: image only", "photo: present"} & slices.keys()
    assert [result.name for result in small_night(tmp_path).results if not result.skipped] == []

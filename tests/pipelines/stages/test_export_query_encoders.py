"""The stage on a shop of real encoders of every kind, tiny ones, and what serving reads of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import CATALOGUE, item_embeddings
from pipelines.stages import embed_items, export_query_encoders, train_encoders
from pipelines.stages.export_query_encoders import QueryParityError, compare, require
from recsys.encoders.query_files import QueryParity, load_description
from recsys.slate.query_encoder import open_query_encoders
from tests.support.embedded_shop import write_catalogue, write_nothing_tuned
from tests.support.photos import broken_zoo, jpeg, readable_zoo, write_files
from tests.support.stages import run_stage
from tests.support.tiny_joint import KINDS, save_tiny_joint
from tests.support.tiny_transformers import save_tiny

TITLES = ["a red wool scarf", "blue mug", "steel mug for coffee", "a blue scarf of wool", "红 色 杯 子", "mug " * 30]


def shop(root: Path, **embed: Any) -> dict[str, Any]:
    """A catalogue of texts and photos, odd and broken ones among them, embedded; the sections of its config."""
    photos = {f"{at}.jpg": jpeg((30, at * 40, 90), size=(60, 40 + 8 * at), seed=at) for at in range(4)} | readable_zoo() | broken_zoo()
    write_files(root / "landing" / "images", photos)
    titles = {at: TITLES[at % 6] for at in range(len(photos))} | {len(photos): None}
    write_catalogue(root, [*photos, None], titles, descriptions={0: "made of red wool", len(photos): "a mug without a name"})
    sections = {"embed": {"max_refused_share": 1.0, "precision": "fp32", **embed}}
    write_nothing_tuned(root)
    for stage in (train_encoders.STAGE, embed_items.STAGE):
        run_stage(stage, root, **sections)
    return sections


def export(root: Path, **sections: Any) -> TableReader:
    return run_stage(export_query_encoders.STAGE, root, **sections)


@dataclass(frozen=True)
class Exported:
    kind: str
    root: Path
    sections: dict[str, Any]
    table: TableReader

    def rows(self, modality: str) -> pl.DataFrame:
        embedded = Workspace(self.root).read("item_embeddings")
        schema = item_embeddings(embedded.manifest.facts["dims"][modality])
        return embedded.scan(schema, prefix=f"modality={modality}/").filter("presence").collect()


@pytest.fixture(scope="module", params=[*KINDS, "apart"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root, model = tmp_path_factory.mktemp(request.param), tmp_path_factory.mktemp("model")
    if request.param == "apart":
        trained = {"image_model": "test_efficientnet", "train_min_photos": 4, "train_epochs": 1, "image_size": 32}
        sections = shop(root, text_model=str(save_tiny(model, "bert")), text_prefix="passage : ", **trained)
    else:
        sections = shop(root, joint_model=str(save_tiny_joint(model, request.param)))
    return Exported(request.param, root, sections, export(root, **sections))


def test_every_item_is_found_by_its_own_text_and_photo(exported: Exported) -> None:
    encoders = open_query_encoders(exported.table.folder)
    catalogue = Workspace(exported.root).read("catalogue").scan(CATALOGUE).collect()
    titles, names = (dict(catalogue.select("item_id", column).iter_rows()) for column in ("title", "image_uri"))
    texts, photos = exported.rows("text"), exported.rows("image")
    assert encoders.text is not None
    assert encoders.image is not None
    by_text = encoders.text.encode([titles[item] for item in texts["item_id"]], of_items=True)
    by_photo = encoders.image.encode([(exported.root / "landing" / "images" / names[item]).read_bytes() for item in photos["item_id"]])
    assert (by_text * texts["vector"].to_numpy()).sum(axis=1).min() > 0.999
    said = dict(catalogue.select("item_id", "description").iter_rows())
    descriptions = exported.rows("description")
    by_words = encoders.text.encode([said[item] for item in descriptions["item_id"]], of_items=True)
    assert len(by_words) == 2
    assert (by_words * descriptions["vector"].to_numpy()).sum(axis=1).min() > 0.999
    assert (by_photo * photos["vector"].to_numpy()).sum(axis=1).min() > 0.999


def test_photos_and_texts_lie_in_one_space_where_one_model_has_made_them(exported: Exported) -> None:
    told = load_description(exported.table.folder)
    assert told.one_space == (exported.kind != "apart")
    assert told.text is not None
    assert told.image is not None
    assert (told.text.dim == told.image.dim) == told.one_space
    assert {told.text.encoder_version} == set(exported.rows("text")["encoder_version"])


def test_what_cannot_be_read_is_refused_and_told_as_with_any_encoder(exported: Exported) -> None:
    refused = pl.read_parquet(Workspace(exported.root).read("item_embeddings").path("quarantine/part-0000.parquet"))
    assert refused["modality"].to_list() == ["image"] * len(broken_zoo())
    assert len(exported.rows("text")) == 4 + len(readable_zoo()) + len(broken_zoo())


def test_the_report_tells_how_many_were_compared_and_how_near_they_are(exported: Exported) -> None:
    parity = load_description(exported.table.folder).parity
    assert {name: one.compared for name, one in parity.items()} == {"text": 6, "image": 13}
    assert min(one.min_cosine or 0 for one in parity.values()) > 0.999


def test_while_the_encoders_stay_the_graphs_are_carried_over(exported: Exported) -> None:
    again = export(exported.root, **exported.sections, release={"keep": 2})
    assert again.manifest.facts["carried_over"]
    assert again.manifest.content_digest == exported.table.manifest.content_digest


def test_switched_off_there_are_none(exported: Exported) -> None:
    assert export(exported.root, **exported.sections, release={"query_encoders": False}).manifest.files == {}


def test_no_vectors_are_no_comparison() -> None:
    require(compare({}, {}, {}), modality="text")


def test_a_graph_that_is_not_its_model_stops_the_stage() -> None:
    right, wrong = np.array([1, 0], np.float32), np.array([0.99, 0.14], np.float32)
    parity = compare({0: right, 3: wrong}, {0: right, 3: right}, {0: right})
    assert parity == QueryParity(compared=2, min_cosine=pytest.approx(0.99), mean_cosine=pytest.approx(0.995), min_cosine_to_items=1.0)
    with pytest.raises(QueryParityError, match=r"text encoder .* over 2 items is 0\.9900, at least 0\.999"):
        require(parity, modality="text")
    with pytest.raises(QueryParityError, match="nan"):
        require(QueryParity(compared=1, min_cosine=float("nan")), modality="image")

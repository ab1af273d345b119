"""Everything odd that feeds deliver, from the landing folder to vectors: each item has its vector, lacks the modality, or is refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feature_store.embeddings import read_embeddings
from feature_store.layout import TableReader
from feature_store.quarantine import REFUSED_ROWS
from pipelines.stages import embed_items, fetch_images, ingest_catalogue
from tests.support.embedded_shop import EMBED, write_encoder
from tests.support.photos import bomb, broken_zoo, jpeg, readable_zoo, write_files
from tests.support.stages import run_stage
from tests.support.texts import READABLE, UNREADABLE

PHOTOS = list(readable_zoo())
REFUSED = dict.fromkeys(broken_zoo(), "corrupt") | {
    "bomb.png": "too many pixels",
    "zero.jpg": "empty",
    "gone.jpg": "missing",
    "../secret.jpg": "outside",
    "link.jpg": "outside",
    "https://example.org/a.jpg": "remote",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    write_files(root / "disk" / "photos", readable_zoo() | broken_zoo() | {"bomb.png": bomb()})
    (root / "disk" / "secret.jpg").write_bytes(jpeg())
    (root / "disk" / "photos" / "link.jpg").symlink_to(root / "disk" / "secret.jpg")
    landing = root / "landing" / "catalogue"
    landing.mkdir(parents=True)
    (root / "landing" / "images").symlink_to(root / "disk" / "photos")
    photos = pl.DataFrame({"item_id": [*PHOTOS, *REFUSED], "title": "a thing", "image_uri": [*PHOTOS, *REFUSED]})
    photos.write_parquet(landing / "photos.parquet")
    texts = READABLE | UNREADABLE
    pl.DataFrame({"item_id": list(texts), "title": list(texts.values())}).write_parquet(landing / "texts.parquet")
    (landing / "latin.csv").write_bytes("item_id,title\nlatin,rosé\n".encode("latin-1"))
    raw = pl.DataFrame({"item_id": ["bytes", "latin bytes"], "title": ["rosé".encode(), "rosé".encode("latin-1")]})
    raw.write_parquet(landing / "bytes.parquet")
    return root


@pytest.fixture(scope="module")
def catalogue(root: Path) -> TableReader:
    return run_stage(ingest_catalogue.STAGE, root)


@pytest.fixture(scope="module")
def table(root: Path, catalogue: TableReader) -> TableReader:
    run_stage(fetch_images.STAGE, root, fetch_images={"enabled": False})
    write_encoder(root)
    return run_stage(embed_items.STAGE, root, embed=EMBED)


def has(table: TableReader, modality: str) -> dict[str, bool]:
    return dict(read_embeddings(table)[modality].select("item_id", "presence").iter_rows())


def refused(table: TableReader) -> pl.DataFrame:
    return pl.read_parquet(table.path("quarantine/part-0000.parquet"))


def test_readable_photos_have_vectors_and_no_others(table: TableReader) -> None:
    assert {item for item, present in has(table, "image").items() if present} == set(PHOTOS)


def test_texts_that_can_be_seen_have_vectors(table: TableReader) -> None:
    present = has(table, "text")
    assert {item: present[item] for item in READABLE | UNREADABLE} == dict.fromkeys(READABLE, True) | dict.fromkeys(UNREADABLE, False)


@pytest.mark.parametrize("modality", ["image", "text"])
def test_every_vector_is_finite_and_of_unit_length(table: TableReader, modality: str) -> None:
    vectors = read_embeddings(table)[modality].filter("presence")["vector"].to_numpy()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)


def test_refused_photos_lie_in_quarantine_with_reason_and_digest(table: TableReader) -> None:
    rows = refused(table)
    assert dict(zip(rows["item_id"], rows["reason"].str.split(":").list.first(), strict=True)) == REFUSED
    unread = rows.filter(pl.col("digest") == "")["reason"].str.split(":").list.first().unique().to_list()
    assert sorted(unread) == ["empty", "missing", "outside", "remote"]  # no bytes, no digest


@pytest.mark.parametrize("modality", ["image", "text", "description"])
def test_nothing_is_lost(catalogue: TableReader, table: TableReader, modality: str) -> None:
    facts = table.manifest.facts
    counts = {name: facts[name][modality] for name in ("encoded", "kept", "absent", "refused")}
    assert sum(counts.values()) == catalogue.manifest.facts["rows"] == facts["rows"] / 3
    assert counts["encoded"] == sum(has(table, modality).values())


def test_bytes_that_are_not_utf8_are_told_on_the_way_in(catalogue: TableReader, table: TableReader) -> None:
    assert catalogue.manifest.facts["unreadable"] == {"landing/catalogue/latin.csv": "cannot be read: invalid utf-8 sequence"}
    rows = catalogue.scan(REFUSED_ROWS, prefix="quarantine/").collect()
    assert rows.select("row", "reason").rows() == [(1, "title: ros\ufffd is not UTF-8 text")]
    assert has(table, "text")["bytes"]


def test_the_cut_text_is_counted(table: TableReader) -> None:
    assert table.manifest.facts["truncated"]["text"] == 2  # the megabyte, and the Arabic one: 17 tokens of 16

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from feature_store.schema import FETCHED_IMAGES
from pipelines.config import parse_config
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.store import PhotoStore
from pipelines.photos import ItemPhotos
from recsys.encoders.photo_files import UnreadablePhotoError

FETCHED, FAILED = "https://shop.test/fetched.jpg", "https://shop.test/failed.jpg"


@pytest.fixture
def photos(tmp_path: Path) -> ItemPhotos:
    config = parse_config({"workspace": str(tmp_path)})
    workspace = config.open_workspace()
    (workspace.landing / "images").mkdir(parents=True)
    (workspace.landing / "images" / "a.jpg").write_bytes(b"local")
    digest = PhotoStore(workspace.fetched_images).put(b"remote")
    images = [FetchedImage(uri=FETCHED, digest=digest, size_bytes=6, fetched_at=datetime(2026, 1, 1, tzinfo=UTC))]
    images.append(FetchedImage(uri=FAILED, reason="http: status 404"))
    with workspace.write("fetched_images") as writer:
        writer.write(pl.DataFrame([asdict(image) for image in images], schema=FETCHED_IMAGES.schema), FETCHED_IMAGES)
        writer.commit()
    return ItemPhotos(config, workspace.read("fetched_images"))


def test_a_path_is_read_below_the_image_root_and_a_url_from_what_was_fetched(photos: ItemPhotos) -> None:
    assert [photos.read("a.jpg"), photos.read(FETCHED)] == [b"local", b"remote"]


@pytest.mark.parametrize("uri", [FAILED, "https://shop.test/unknown.jpg", "ftp://shop.test/a.jpg"])
def test_a_url_that_was_not_fetched_is_refused(photos: ItemPhotos, uri: str) -> None:
    with pytest.raises(UnreadablePhotoError, match="remote: not fetched"):
        photos.read(uri)


def test_bytes_that_are_gone_from_the_store_are_refused(photos: ItemPhotos, tmp_path: Path) -> None:
    for path in (tmp_path / "fetched_images").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(UnreadablePhotoError, match="unreadable: No such file"):
        photos.read(FETCHED)

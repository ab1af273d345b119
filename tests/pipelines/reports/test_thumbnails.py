import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from pipelines.reports.thumbnails import SIDE_PIXELS, Thumbnails


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (800, 400), "teal").save(tmp_path / "images/mug.jpg")
    Image.new("RGBA", (20, 20)).save(tmp_path / "images/clear.png")
    (tmp_path / "images/broken.jpg").write_bytes(b"no photo at all")
    Image.new("RGB", (5, 5)).save(tmp_path / "secret.jpg")
    return tmp_path / "images"


def test_a_photo_becomes_a_small_jpeg_inside_the_page(root: Path) -> None:
    uri = Thumbnails(root, ["mug.jpg"])(0)
    assert uri is not None
    kind, _, payload = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(payload))) as small:
        assert small.size == (SIDE_PIXELS, SIDE_PIXELS // 2)


def test_transparency_is_no_obstacle(root: Path) -> None:
    assert Thumbnails(root, ["clear.png"])(0) is not None


@pytest.mark.parametrize("uri", [None, "", "gone.jpg", "broken.jpg", "https://example.org/mug.jpg", "../secret.jpg"])
def test_what_cannot_or_must_not_be_read_has_no_thumbnail(root: Path, uri: str | None) -> None:
    assert Thumbnails(root, [uri])(0) is None

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.data.ranking_items import centred_units
from recsys.encoders.photo_files import UnreadablePhotoError
from recsys.slate.added_items import new_item_rules
from recsys.slate.query_encoder import ImageQueryEncoder, QueryEncoders, TextQueryEncoder, open_query_encoders
from recsys.slate.release_reader import DamagedReleaseError, MissingReleaseError, read_release
from tests.support.photos import jpeg
from tests.support.tiny_queries import add_queries, without
from tests.support.tiny_release import COLOURS, DIM, build_release

RED, GREEN, BLUE, BLACK, QUERY, PASSAGE = np.eye(6, DIM, dtype=np.float32)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = build_release(tmp_path)
    add_queries(folder, dim=DIM)
    return folder


def texts(encoders: QueryEncoders) -> TextQueryEncoder:
    assert encoders.text is not None
    return encoders.text


def photos(encoders: QueryEncoders) -> ImageQueryEncoder:
    assert encoders.image is not None
    return encoders.image


def test_a_query_has_the_prefix_of_queries_and_a_text_of_an_item_its_own(release: Path) -> None:
    encoder = texts(open_query_encoders(release))
    assert encoder.encode(["red"])[0] == pytest.approx((RED + QUERY) / np.sqrt(2))
    assert encoder.encode(["red"], of_items=True)[0] == pytest.approx((RED + PASSAGE) / np.sqrt(2))


@pytest.mark.parametrize("padded_to", [0, 4])
def test_a_text_is_the_same_alone_and_beside_longer_ones(release: Path, padded_to: int) -> None:
    add_queries(release, dim=DIM, padded_to=padded_to)
    encoder = texts(open_query_encoders(release))
    asked = ["red", "green blue", "red green blue red"]
    assert encoder.encode(asked) == pytest.approx(np.concatenate([encoder.encode([text]) for text in asked]))


def test_a_long_text_is_cut_by_the_tokenizer_the_prefix_counting(release: Path) -> None:
    encoder = texts(open_query_encoders(release))
    assert encoder.encode(["red red red blue"]) == pytest.approx(encoder.encode(["red red red"]))


def test_nothing_asked_is_nothing_answered(release: Path) -> None:
    encoders = open_query_encoders(release)
    assert texts(encoders).encode([]).shape == photos(encoders).encode([]).shape == (0, DIM)


def test_a_photo_becomes_the_direction_of_its_colour(release: Path) -> None:
    found = photos(open_query_encoders(release)).encode([jpeg((254, 0, 0)), jpeg((0, 0, 254), size=(30, 90))])
    assert found == pytest.approx(np.stack([RED, BLUE]), abs=0.01)


def test_what_is_no_photo_is_refused(release: Path) -> None:
    with pytest.raises(UnreadablePhotoError, match="corrupt"):
        photos(open_query_encoders(release)).encode([b"<html>"])


def test_a_search_of_the_releases_own_items_is_one_product(release: Path) -> None:
    opened, encoders = read_release(release), open_query_encoders(release)
    centre = new_item_rules(opened).centres["image"]
    for query in (photos(encoders).encode([jpeg((0, 250, 0))]), texts(encoders).encode(["green"])):
        direction = centred_units(query, np.array([True]), centre)[0]
        best = int((opened.ranking_items.vectors["image"] @ direction).argmax())
        assert COLOURS[best % len(COLOURS)] == "green"


def test_a_shop_without_an_encoder_of_photos_has_none_for_queries(release: Path) -> None:
    without(release, "image")
    assert open_query_encoders(release).image is None


def test_a_release_without_query_encoders_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MissingReleaseError, match=r"no query encoders.*query_encoders = true"):
        open_query_encoders(build_release(tmp_path))


@pytest.mark.parametrize("file", ["query_encoders.json", "query_text.onnx", "query_tokenizer.json"])
def test_damaged_files_are_told_as_such(release: Path, file: str) -> None:
    (release / file).write_bytes(b"{}")
    with pytest.raises(DamagedReleaseError, match=r"query encoders of .* cannot be loaded"):
        open_query_encoders(release)


def test_reading_needs_neither_torch_nor_transformers_nor_timm() -> None:
    heavy = "{'torch', 'transformers', 'timm', 'torchvision', 'huggingface_hub'}"
    code = f"import sys, recsys.slate.query_encoder as read; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert told.stdout.strip() == "[]"

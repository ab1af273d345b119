"""Joint models against transformers' own way of running them, texts and photos each from their raw form."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from recsys.encoders.image import ImageEncoder
from recsys.encoders.joint import open_joint_image_encoder
from recsys.encoders.photo_preparation import photo_pixels, photo_values
from recsys.encoders.protocol import COMPANION_TOLERANCE, EncoderError
from recsys.encoders.text import TextEncoder
from tests.support.photos import jpeg
from tests.support.tiny_joint import KINDS, POSITIONS, save_tiny_joint
from tests.support.tiny_transformers import save_tiny

TEXTS = ["a red wool scarf", "mug", "A steel mug", "红 色 杯 子", "a blue mug for coffee of steel of steel of steel for coffee a a a a"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: save_tiny_joint(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def text_encoder(folder: Path, **more: Any) -> TextEncoder:
    return TextEncoder(str(folder), pooling="joint", **{"precision": "fp32", **more})


def image_encoder(folder: Path, **more: Any) -> ImageEncoder:
    return open_joint_image_encoder(str(folder), **{"precision": "fp32", **more})


def own_way(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def units(vectors: torch.Tensor) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = torch.nn.functional.normalize(vectors, dim=-1).numpy()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_those_of_the_model_run_its_own_way(folders: dict[str, Path], kind: str) -> None:
    model, tokenizer = own_way(folders[kind])
    how = {"padding": "max_length" if kind == "siglip" else True, "truncation": True, "max_length": POSITIONS[kind]}
    with torch.inference_mode():
        wanted = units(model.get_text_features(**tokenizer(TEXTS, return_tensors="pt", **how)).pooler_output)
    assert text_encoder(folders[kind]).encode(TEXTS) == pytest.approx(wanted, abs=1e-5)


def real_photos(shared: Path) -> list[Path]:
    return sorted((shared / "data" / "ml-latest-small" / "images").glob("*.jpg"))[:40]


def processed(folder: Path, files: list[Path], *, backend: str) -> torch.Tensor:
    from transformers import AutoImageProcessor

    photos = [Image.open(file).convert("RGB") for file in files]
    values: torch.Tensor = AutoImageProcessor.from_pretrained(folder, backend=backend)(photos, return_tensors="pt")["pixel_values"]
    return values


def own_values(encoder: ImageEncoder, files: list[Path]) -> npt.NDArray[np.float32]:
    how = encoder.spec.preparation
    return np.stack([photo_values(photo_pixels(file.read_bytes(), how), how) for file in files])


@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_those_of_the_models_own_processor_with_pillow(folders: dict[str, Path], kind: str, shared: Path) -> None:
    model, files = own_way(folders[kind])[0], real_photos(shared)
    values = processed(folders[kind], files, backend="pil")
    encoder = image_encoder(folders[kind])
    assert own_values(encoder, files) == pytest.approx(values.numpy(), abs=1e-5)
    with torch.inference_mode():
        wanted = units(model.get_image_features(pixel_values=values).pooler_output)
    assert encoder.encode([encoder.prepare(file.read_bytes()) for file in files]) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_those_of_the_models_own_processor_with_torchvision_but_for_rounding(
    folders: dict[str, Path], kind: str, shared: Path
) -> None:
    files = real_photos(shared)
    values = processed(folders[kind], files, backend="torchvision")
    encoder = image_encoder(folders[kind])
    difference = np.abs(own_values(encoder, files) - values.numpy()) * 255 * min(encoder.spec.preparation.std)
    assert difference.max() < 2.1  # of 255 levels
    assert difference.mean() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_both_towers_end_in_one_space(folders: dict[str, Path], kind: str) -> None:
    texts, photos = text_encoder(folders[kind]), image_encoder(folders[kind])
    assert texts.dim == photos.dim == texts.encode(["mug"]).shape[1] == photos.encode([photos.prepare(jpeg())]).shape[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_the_same_alone_and_padded_beside_longer_ones(folders: dict[str, Path], kind: str) -> None:
    encoder = text_encoder(folders[kind], tokens_per_batch=1000)
    together, alone = encoder.encode(TEXTS), np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert ((together * alone).sum(axis=1) > 1 - COMPANION_TOLERANCE).all()


@pytest.mark.parametrize("kind", KINDS)
def test_texts_longer_than_the_model_reads_are_cut_and_counted(folders: dict[str, Path], kind: str) -> None:
    encoder = text_encoder(folders[kind])
    assert encoder.max_tokens == POSITIONS[kind]
    assert list(encoder.tokenize(["mug", "a mug " * 20]).cut) == [False, True]


def test_either_tower_is_a_version_of_its_own_weights_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    other = save_tiny_joint(tmp_path, "clip", seed=2)
    for open_ in (text_encoder, image_encoder):
        assert open_(other).version != open_(folders["clip"]).version == open_(folders["clip"]).version


def test_another_preparation_is_another_version(folders: dict[str, Path], tmp_path: Path) -> None:
    file = save_tiny_joint(tmp_path, "clip") / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "image_mean": [0.5, 0.5, 0.5]}))
    assert image_encoder(tmp_path).version != image_encoder(folders["clip"]).version


@pytest.mark.parametrize("open_", [text_encoder, image_encoder])
def test_in_fp32_it_is_the_same_model_in_another_version(folders: dict[str, Path], open_: Any) -> None:
    short = open_(folders["clip"], precision="bf16")
    assert short.in_fp32().version == open_(folders["clip"]).version != short.version


@pytest.mark.parametrize("open_", [text_encoder, image_encoder])
def test_a_model_that_is_not_joint_is_refused(tmp_path: Path, open_: Any) -> None:
    with pytest.raises(EncoderError, match=r"is a model of type bert; .* one of clip, siglip, chinese_clip"):
        open_(save_tiny(tmp_path, "bert"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"cannot load the joint model .*gone"):
        text_encoder(tmp_path / "gone")


def test_a_processor_that_makes_photos_of_many_shapes_is_refused(tmp_path: Path) -> None:
    file = save_tiny_joint(tmp_path, "clip") / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "do_center_crop": False}))
    with pytest.raises(EncoderError, match="does not make photos of 32 x 32 pixels"):
        image_encoder(tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("sentencepiece") is not None, reason="with sentencepiece the tokenizer needs its own file")
def test_a_tokenizer_whose_package_is_not_installed_is_read_from_its_file(tmp_path: Path, folders: dict[str, Path]) -> None:
    file = save_tiny_joint(tmp_path, "siglip") / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": "SiglipTokenizer"}))
    assert text_encoder(tmp_path).encode(TEXTS[:3]) == pytest.approx(text_encoder(folders["siglip"]).encode(TEXTS[:3]))

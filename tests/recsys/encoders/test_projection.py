"""What stands between pooling and vectors: the model's own pooler, its dense layers, a projection."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from recsys.encoders.config import EmbedConfig
from recsys.encoders.export import export_text_encoder
from recsys.encoders.image import ImageEncoder, ImageEncoderSpec, new_model
from recsys.encoders.projection import MODULES, copy_dense, load_dense
from recsys.encoders.protocol import EncoderError
from recsys.encoders.text import TextEncoder
from recsys.slate.query_encoder import TextQueryEncoder
from tests.support.photos import jpeg
from tests.support.tiny_transformers import WORDS, save_tiny

TEXTS = ["a red wool scarf", "mug", "a steel mug for coffee"]


def with_dense(folder: Path, activation: str = "Tanh") -> str:
    """The tiny BERT as sentence-transformers lays out a model with a dense layer from 16 to 5."""
    save_tiny(folder, "bert")
    chance = torch.Generator().manual_seed(3)
    parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")]
    listed = [{"idx": at, "path": path, "type": f"sentence_transformers.models.{kind}"} for at, (path, kind) in enumerate(parts)]
    (folder / MODULES).write_text(json.dumps(listed), encoding="utf-8")
    (folder / "2_Dense").mkdir()
    told = {"in_features": 16, "out_features": 5, "bias": True, "activation_function": f"torch.nn.modules.activation.{activation}"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(told), encoding="utf-8")
    save_file(
        {"linear.weight": torch.randn(5, 16, generator=chance), "linear.bias": torch.randn(5, generator=chance)},
        folder / "2_Dense" / "model.safetensors",
    )
    return str(folder)


def test_the_pooler_is_the_models_own(tmp_path: Path) -> None:
    folder = str(save_tiny(tmp_path, "bert"))
    from transformers import BertModel

    with torch.inference_mode():
        ids = torch.tensor([[WORDS.index(word) for word in TEXTS[0].split()]])
        wanted = BertModel.from_pretrained(folder).eval()(ids).pooler_output[0]
    found = TextEncoder(folder, pooling="pooler", precision="fp32").encode(TEXTS[:1])[0]
    assert found == pytest.approx((wanted / wanted.norm()).numpy(), abs=1e-5)


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_model_without_a_pooler_says_what_to_choose(tmp_path: Path, kind: str) -> None:
    with pytest.raises(EncoderError, match=r"has no trained pooler\. Change \[embed\] text_pooling to mean, cls, max or last"):
        TextEncoder(str(save_tiny(tmp_path, kind)), pooling="pooler")


def test_dense_layers_of_a_folder_follow_the_pooling(tmp_path: Path) -> None:
    folder = with_dense(tmp_path / "dense")
    plain = TextEncoder(str(save_tiny(tmp_path / "plain", "bert")), precision="fp32")
    encoder = TextEncoder(folder, precision="fp32")
    with torch.inference_mode():
        hidden = plain.tower.model(plain.tower.pad(plain.tokenize(TEXTS[:1]).ids)[0]).last_hidden_state[0].mean(dim=0)
    layer, activation = encoder.tower.module.dense[0]
    wanted = activation(layer(hidden)).numpy()
    assert encoder.encode(TEXTS[:1])[0] == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-5)
    assert (encoder.dim, plain.dim) == (5, 16)
    assert encoder.version != plain.version


def test_a_copy_of_the_model_takes_its_dense_layers_along(tmp_path: Path) -> None:
    folder, copy = with_dense(tmp_path / "a"), save_tiny(tmp_path / "b", "bert")
    copy_dense(folder, copy)
    assert TextEncoder(str(copy), precision="fp32").version == TextEncoder(folder, precision="fp32").version


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("2_Dense/config.json", '{"in_features": 7, "out_features": 5}', r"2_Dense cannot be read: .*size mismatch"),
        ("2_Dense/config.json", '{"out_features": 5}', r"2_Dense cannot be read: KeyError\('in_features'\)"),
        (MODULES, '{"path": 1}', r"modules.json is no list of modules with type and path"),
        (MODULES, "[", r"modules.json is no list of modules with type and path"),
    ],
)
def test_a_dense_layer_that_cannot_be_read_is_named(tmp_path: Path, file: str, content: str, problem: str) -> None:
    folder = with_dense(tmp_path)
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(EncoderError, match=f"(?s){problem}"):
        TextEncoder(folder)


def test_a_dense_layer_behind_another_pooling_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="reads 16 numbers, and 32 come before it"):
        load_dense(with_dense(tmp_path), dim=32)


def test_photos_in_bf16_are_projected_in_fp32() -> None:
    spec = ImageEncoderSpec(
        model="mobilenetv3_small_050", options=(), pooling="last", size=32, crop=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
    )
    short = ImageEncoder(new_model(spec.model, (), seed=1), spec, precision="bf16", projected_to=16)
    vectors = short.encode([short.prepare(jpeg((20, 90, 10), seed=1))])
    assert (vectors.shape, vectors.dtype) == ((1, 16), np.float32)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-6)


def test_an_activation_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="has the activation Mish; known are Identity, Tanh"):
        TextEncoder(with_dense(tmp_path, "Mish"))


def test_a_graph_holds_dense_layers_and_projection(tmp_path: Path) -> None:
    encoder = TextEncoder(with_dense(tmp_path / "model"), precision="fp32", projected_to=3)
    described = export_text_encoder(encoder, tmp_path, encoder_version=encoder.version, query_prefix="")
    found = TextQueryEncoder(tmp_path, described).encode(TEXTS)
    assert (found * encoder.encode(TEXTS)).sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_projected_vectors_are_shorter_of_unit_length_and_a_version_of_their_own(tmp_path: Path) -> None:
    folder = str(save_tiny(tmp_path, "bert"))
    plain, short = TextEncoder(folder, precision="bf16"), TextEncoder(folder, precision="bf16", projected_to=8)
    assert short.encode(TEXTS).shape == (3, 8)
    assert np.linalg.norm(short.encode(TEXTS), axis=1) == pytest.approx(1, abs=1e-5)
    assert len({plain.version, short.version, short.in_fp32().version}) == 3
    assert short.in_fp32().dim == 8


def test_a_projection_keeps_what_is_near_near() -> None:
    spec = ImageEncoderSpec(model="mobilenetv3_small_050", options=(), pooling="levels", size=32, crop=1.0, mean=(0.5,) * 3, std=(0.5,) * 3)
    plain, short = (ImageEncoder(new_model(spec.model, (), seed=1), spec, precision="fp32", projected_to=dim) for dim in (0, 256))
    photos = [plain.prepare(jpeg((at * 40 % 255, at * 90 % 255, 90), seed=at)) for at in range(12)]
    cosines, kept = (vectors @ vectors.T for vectors in (plain.encode(photos), short.encode(photos)))
    assert short.dim == 256
    assert np.abs(kept - cosines).max() < 4 / 256**0.5


def test_more_numbers_than_there_are_cannot_be_projected_to(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"vectors of 16 numbers cannot be projected to 16\. Lower \[embed\] image_dim or text_dim"):
        TextEncoder(str(save_tiny(tmp_path, "bert")), projected_to=16)


def test_a_joint_model_pools_as_it_was_trained() -> None:
    with pytest.raises(ValueError, match="joint_model stands in for both encoders, yet text_pooling is set too"):
        EmbedConfig(joint_model="somewhere", text_pooling="pooler")


def test_one_space_has_one_length() -> None:
    with pytest.raises(ValueError, match="image_dim is 8 and text_dim 0; a joint_model has one space"):
        EmbedConfig(joint_model="somewhere", image_dim=8)

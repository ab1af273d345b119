import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.encoders.backbone import load_model
from recsys.encoders.compiled import cpp_compiler
from recsys.encoders.image import ImageEncoder, ImageEncoderSpec, new_model, open_image_encoder, save_image_encoder, specify
from recsys.encoders.precision import resolve_precision
from recsys.encoders.protocol import COMPANION_TOLERANCE, EncoderError, check_vectors, why_unusable
from tests.support.photos import jpeg

SPEC = ImageEncoderSpec(
    model="mobilenetv3_small_050", options=(), pooling="levels", size=32, crop=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
WEIGHTS = Path(__file__).parents[3] / "../shared/weights/mobilenetv2_100_tf_in1k_fp16.safetensors"


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    return ImageEncoder(new_model(SPEC.model, (), seed=1), SPEC, batch=4)


@pytest.fixture(scope="module")
def encoders() -> dict[str, ImageEncoder]:
    return {
        precision: ImageEncoder(new_model(SPEC.model, (), seed=1), SPEC, batch=4, precision=precision) for precision in ("bf16", "fp32")
    }


def photos(encoder: ImageEncoder, number: int) -> list[torch.Tensor]:
    return [encoder.prepare(jpeg((20 * seed % 255, 90, 10), seed=seed)) for seed in range(number)]


def test_vectors_are_of_unit_length(encoder: ImageEncoder) -> None:
    vectors = encoder.encode(photos(encoder, 6))
    assert vectors.shape == (6, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(seeds=st.lists(st.integers(0, 10_000), min_size=1, max_size=9), precision=st.sampled_from(["bf16", "fp32"]))
def test_companions_do_not_matter(encoders: dict[str, ImageEncoder], seeds: list[int], precision: str) -> None:
    encoder = encoders[precision]
    contents = [encoder.prepare(jpeg((seed % 255, seed // 40, 10), seed=seed)) for seed in seeds]
    assert encoder.encode(contents)[0] @ encoder.encode(contents[:1])[0] > 1 - COMPANION_TOLERANCE


def test_no_photos_make_no_vectors(encoder: ImageEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_saved_and_opened_it_gives_the_same_vectors_and_version(encoder: ImageEncoder, tmp_path: Path) -> None:
    save_image_encoder(tmp_path, SPEC, new_model(SPEC.model, (), seed=1))
    again = open_image_encoder(tmp_path, batch=4)
    assert again.version == encoder.version
    assert np.array_equal(again.encode(photos(encoder, 3)), encoder.encode(photos(encoder, 3)))


def test_other_weights_are_another_version(encoder: ImageEncoder) -> None:
    assert ImageEncoder(new_model(SPEC.model, (), seed=2), SPEC).version != encoder.version


def test_weights_that_are_not_finite_are_found_out() -> None:
    model = new_model(SPEC.model, (), seed=1)
    next(iter(model.parameters())).data.fill_(float("nan"))
    broken = ImageEncoder(model, SPEC)
    vectors = broken.encode([broken.prepare(jpeg())])
    assert list(why_unusable(vectors)) == [0]
    with pytest.raises(EncoderError, match="1 of 1 image vectors are not finite"):
        check_vectors(vectors, what="image")


def test_in_fp32_it_is_the_same_model_in_another_version() -> None:
    short = ImageEncoder(new_model(SPEC.model, (), seed=1), SPEC, precision="bf16")
    exact = short.in_fp32()
    assert exact.version == ImageEncoder(new_model(SPEC.model, (), seed=1), SPEC, precision="fp32").version
    assert exact.in_fp32() is exact


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(EncoderError, match="no_such_net"):
        new_model("no_such_net", (), seed=0)


FIXED = ("dynamic_img_size=False",)
"""What most vision transformers are: made for photos of one size."""


def spec_of(name: str, *options: str, size: int, pooling: str = "levels") -> ImageEncoderSpec:
    model = new_model(name, options, seed=1)
    return specify(model, name, options, pooling=pooling, size=size, normalisation="auto", whole_photo=False, usual=96)


@pytest.mark.parametrize("pooling", ["levels", "last"])
def test_a_transformer_that_takes_one_size_alone_gets_it(pooling: str) -> None:
    spec = spec_of("test_vit", *FIXED, size=0, pooling=pooling)  # made for 160 pixels
    encoder = ImageEncoder(new_model(spec.model, spec.options, seed=1), spec, precision="fp32")
    assert spec.size == 160
    assert encoder.encode([encoder.prepare(jpeg())]).shape == (1, encoder.dim)


def test_a_transformer_that_was_built_for_another_size_gets_that_one() -> None:
    assert spec_of("test_vit", *FIXED, "img_size=128", size=0).size == 128


@pytest.mark.skipif(not shutil.which(cpp_compiler()), reason="no C++ compiler: apt-get install g++")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, of itself
def test_compiled_in_fp32_it_is_still_held_against_what_is_not_compiled() -> None:
    compiled = ImageEncoder(new_model(SPEC.model, (), seed=1), SPEC, precision="fp32", compiled=True)
    plain = compiled.in_fp32()
    assert plain is not compiled
    assert plain.in_fp32() is plain
    assert plain.version == compiled.version  # so that either goes on with what the other has encoded


def test_another_model_gets_the_usual_size_or_the_one_that_is_asked_for() -> None:
    assert (spec_of("test_resnet", size=0).size, spec_of("test_resnet", size=64).size) == (96, 64)


def test_a_size_that_a_model_does_not_take_is_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(EncoderError, match=r"test_vit takes no photos of 96 x 96: .*160.* Change \[embed\] image_size"):
        spec_of("test_vit", *FIXED, size=96)


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(EncoderError, match="fp8"):
        resolve_precision("fp8", torch.device("cpu"))


@pytest.mark.skipif(not WEIGHTS.exists(), reason="../shared/weights is not there")
def test_weights_of_a_classifier_become_an_encoder() -> None:
    spec = ImageEncoderSpec(
        model="mobilenetv2_100", options=("pad_type=same",), pooling="last", size=96, crop=0.875, mean=(0.5,) * 3, std=(0.5,) * 3
    )
    encoder = ImageEncoder(load_model(spec.model, spec.options, WEIGHTS), spec, precision="fp32")
    assert encoder.dim == 1280
    noisy, larger, plain = encoder.encode(
        [encoder.prepare(jpeg(seed=seed, size=size)) for seed, size in ((1, (64, 64)), (2, (64, 64)), (None, (64, 64)))]
    )
    assert noisy @ larger > noisy @ plain + 0.1  # two noisy squares look alike, a smooth one does not


@pytest.mark.skipif(not WEIGHTS.exists(), reason="../shared/weights is not there")
def test_weights_of_another_model_do_not_fit() -> None:
    with pytest.raises(EncoderError, match="does not hold the weights of mobilenetv2_050"):
        load_model("mobilenetv2_050", (), WEIGHTS)

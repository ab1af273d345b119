"""Text encoders of every build: encoders, decoders and the encoder half of a model with both."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file

from recsys.encoders.pooling import POOLINGS
from recsys.encoders.protocol import COMPANION_TOLERANCE, EncoderError, why_unusable
from recsys.encoders.text import TextEncoder
from tests.support.tiny_transformers import KINDS, POSITIONS, WORDS, save_tiny

TEXTS = ["a red wool scarf", "mug", "a steel mug for coffee a blue mug for coffee", "scarf of wool"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {kind: str(save_tiny(tmp_path_factory.mktemp(kind), kind)) for kind in KINDS}


def encode(folder: str, pooling: str = "mean", prefix: str = "") -> npt.NDArray[np.float32]:
    return TextEncoder(folder, pooling=pooling, prefix=prefix, precision="fp32").encode(TEXTS)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_the_same_alone_and_padded_beside_longer_ones(folders: dict[str, str], kind: str, pooling: str) -> None:
    encoder = TextEncoder(folders[kind], pooling=pooling, precision="fp32")
    together, alone = encoder.encode(TEXTS), np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert not why_unusable(together)
    assert ((together * alone).sum(axis=1) > 1 - COMPANION_TOLERANCE).all()


@pytest.mark.parametrize("kind", KINDS)
def test_poolings_and_prefixes_are_versions_of_their_own(folders: dict[str, str], kind: str) -> None:
    settings = [{"pooling": pooling} for pooling in POOLINGS] + [{"prefix": "passage : "}]
    encoders = [TextEncoder(folders[kind], precision="fp32", **setting) for setting in settings]
    assert len({encoder.version for encoder in encoders}) == len(settings)


def test_the_poolings_are_those_of_the_model_run_by_hand(folders: dict[str, str]) -> None:
    from transformers import BertModel

    with torch.inference_mode():
        hidden = (
            BertModel.from_pretrained(folders["bert"])
            .eval()(torch.tensor([[WORDS.index(word) for word in TEXTS[0].split()]]))
            .last_hidden_state[0]
        )
    by_hand = {"mean": hidden.mean(dim=0), "cls": hidden[0], "max": hidden.amax(dim=0), "last": hidden[-1]}
    for pooling, vector in by_hand.items():
        found = TextEncoder(folders["bert"], pooling=pooling, precision="fp32").encode(TEXTS[:1])[0]
        assert found == pytest.approx((vector / vector.norm()).numpy(), abs=1e-5)


def test_a_prefix_is_read_before_the_text(folders: dict[str, str]) -> None:
    encoder = TextEncoder(folders["llama"], prefix="passage : ", pooling="last", precision="fp32")
    plain = TextEncoder(folders["llama"], pooling="last", precision="fp32")
    assert encoder.encode(["red mug"]) == pytest.approx(plain.encode(["passage : red mug"]))
    assert not np.allclose(encoder.encode(["red mug"]), plain.encode(["red mug"]), atol=1e-3)


def test_the_first_token_of_a_decoder_has_read_nothing_and_the_last_has_read_all(folders: dict[str, str]) -> None:
    texts = ["red mug", "red scarf"]
    first, last = (TextEncoder(folders["gpt2"], pooling=pooling, precision="fp32").encode(texts) for pooling in ("cls", "last"))
    assert first[0] == pytest.approx(first[1], abs=1e-5)
    assert not np.allclose(last[0], last[1], atol=1e-3)


def test_of_a_model_with_both_halves_the_encoder_alone_is_held(folders: dict[str, str]) -> None:
    whole, half = TextEncoder(folders["t5"], precision="fp32"), TextEncoder(folders["t5_encoder"], precision="fp32")
    names = [{name for name, _ in encoder.tower.module.named_parameters()} for encoder in (whole, half)]
    assert names[0] == names[1]
    assert whole.encode(TEXTS).shape == (len(TEXTS), 16)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_tokenizer_that_pads_on_the_left_changes_nothing(tmp_path: Path, folders: dict[str, str], kind: str) -> None:
    left = str(save_tiny(tmp_path, kind, padding_side="left"))
    assert np.array_equal(encode(left, "last"), encode(folders[kind], "last"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_longer_than_the_model_has_positions_for_is_cut_there(folders: dict[str, str], kind: str) -> None:
    encoder = TextEncoder(folders[kind], max_tokens=200, precision="fp32")
    tokens = encoder.tokenize(["mug " * 150, "mug"])
    assert (len(tokens.ids[0]), tokens.cut) == (POSITIONS.get(kind, 150), [kind in POSITIONS, False])
    assert not why_unusable(encoder.encode(["mug " * 150]))


def test_a_text_without_tokens_has_a_vector_that_is_refused(folders: dict[str, str]) -> None:
    vectors = TextEncoder(folders["bert"], precision="fp32").encode(["mug", " "])
    assert why_unusable(vectors) == {1: "vector: its length is zero"}


def without(folder: Path, part: str) -> str:
    """The tiny BERT, its weights of this part left out of the file."""
    file = save_tiny(folder, "bert") / "model.safetensors"
    save_file({name: weight for name, weight in load_file(file).items() if part not in name}, file, metadata={"format": "pt"})
    return str(folder)


def test_a_file_without_the_pooler_is_one_version_however_often_it_is_opened(tmp_path: Path, folders: dict[str, str]) -> None:
    file = without(tmp_path, "pooler")
    assert TextEncoder(file, precision="fp32").version == TextEncoder(file, precision="fp32").version
    assert np.array_equal(encode(file), encode(folders["bert"]))


def test_a_file_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"lack encoder\.layer\.1\."):
        TextEncoder(without(tmp_path, "layer.1."))


def test_a_folder_that_is_not_there_is_named_with_what_the_setting_takes(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"cannot load the text model .*gone.* \[embed\] text_model takes `minilm`, a folder, or a name"):
        TextEncoder(str(tmp_path / "gone"))

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.encoders.protocol import COMPANION_TOLERANCE, EncoderError
from recsys.encoders.text import TextEncoder, length_batches

TEXTS = ["a red wool scarf", "ein roter Schal", "红色的羊毛围巾", "🧣🧣", "x " * 500, "وشاح أحمر", "a steel mug for coffee"]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder("minilm", max_tokens=32, tokens_per_batch=64)


@pytest.fixture(scope="module")
def encoders() -> dict[str, TextEncoder]:
    return {precision: TextEncoder("minilm", max_tokens=32, tokens_per_batch=64, precision=precision) for precision in ("bf16", "fp32")}


def test_vectors_are_of_unit_length(encoder: TextEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_like_texts_lie_closer_than_unlike(encoder: TextEncoder) -> None:
    scarf, mug, shawl = encoder.encode(["a red wool scarf", "a steel mug for coffee", "a crimson woollen shawl"])
    assert scarf @ shawl > scarf @ mug + 0.2


WORDS = st.lists(st.sampled_from(["wool", "scarf", "红色", "🧣", "وشاح", "42", "\0", "naïve"]) | st.text(max_size=5), max_size=40).map(
    " ".join
)


@settings(deadline=None, max_examples=50)
@given(text=WORDS, before=st.lists(WORDS, max_size=8), after=st.lists(WORDS, max_size=8), precision=st.sampled_from(["bf16", "fp32"]))
def test_companions_and_place_do_not_matter(
    encoders: dict[str, TextEncoder], text: str, before: list[str], after: list[str], precision: str
) -> None:
    encoder = encoders[precision]
    assert encoder.encode([*before, text, *after])[len(before)] @ encoder.encode([text])[0] > 1 - COMPANION_TOLERANCE


def test_what_is_cut_is_known(encoder: TextEncoder) -> None:
    assert [text for text, cut in zip(TEXTS, encoder.tokenize(TEXTS).cut, strict=True) if cut] == ["x " * 500]


def test_a_tokenizer_written_in_python_tells_what_it_cuts_too() -> None:
    from transformers import ByT5Tokenizer

    encoder = TextEncoder("minilm", max_tokens=32)
    encoder.tower = replace(encoder.tower, tokenizer=ByT5Tokenizer())
    tokens = encoder.tokenize(["31 letters and the end make 32 ", "with one letter more it is too ."])
    assert (list(map(len, tokens.ids)), tokens.cut) == ([32, 32], [False, True])


def test_a_text_that_fills_the_model_to_its_last_token_is_whole(encoder: TextEncoder) -> None:
    tokens = encoder.tokenize(["mug " * 30, "mug " * 31])  # with a token before and one behind
    assert (list(map(len, tokens.ids)), tokens.cut) == ([32, 32], [False, True])


def test_no_texts_make_no_vectors(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_the_version_knows_length_and_precision() -> None:
    versions = {
        TextEncoder("minilm", max_tokens=32, precision="fp32").version,
        TextEncoder("minilm", max_tokens=64, precision="fp32").version,
        TextEncoder("minilm", max_tokens=32, precision="bf16").version,
    }
    assert len(versions) == 3


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(EncoderError, match="no/such-folder"):
        TextEncoder("./no/such-folder/here")


@given(lengths=st.lists(st.integers(1, 50)), budget=st.integers(1, 200))
def test_batches_hold_each_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = length_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget for batch in batches)

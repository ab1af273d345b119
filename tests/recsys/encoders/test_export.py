"""What cannot be exported; that what can gives the same vectors is held by the stage's tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from recsys.encoders.export import export_text_encoder
from recsys.encoders.protocol import EncoderError
from recsys.encoders.text import TextEncoder
from tests.support.tiny_transformers import save_tiny


def test_a_tokenizer_that_lives_in_python_alone_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer

    encoder = TextEncoder(str(save_tiny(tmp_path / "model", "bert")), precision="fp32")
    encoder.tower = replace(encoder.tower, tokenizer=ByT5Tokenizer())
    target = tmp_path / "release"
    target.mkdir()
    with pytest.raises(EncoderError, match=r"ByT5Tokenizer cannot be written as tokenizer\.json.*query_encoders = false"):
        export_text_encoder(encoder, target, encoder_version="v1", query_prefix="")
    assert list(target.iterdir()) == []

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.importers.json_lines import json_object, plain, texts


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b"null", b'"x"', b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_object_is_an_empty_one(line: bytes) -> None:
    assert json_object(line) == {}


@given(st.text(st.characters(codec=None)))
def test_every_text_of_json_can_be_written(text: str) -> None:
    told = plain(json_object(json.dumps({"text": text}))["text"])
    assert pl.Series([told]).to_list() == [text.encode(errors="replace").decode() or None]


@pytest.mark.parametrize(("value", "told"), [(5.0, "5.0"), (12, "12"), (None, None), ("", None), ([], None), ({"a": 1}, None)])
def test_only_plain_values_have_a_text(value: object, told: str | None) -> None:
    assert plain(value) == told


def test_a_text_may_stand_alone_or_in_a_list() -> None:
    assert texts("a") == ["a"]
    assert texts(["a", None, "", {"b": 1}, "c"]) == ["a", "c"]
    assert texts(None) == []

"""A long text is read as far as it counts, and gives the tokens of the whole."""

from pathlib import Path
from typing import Any

import pytest

from recsys.encoders.pretrained import load_tokenizer
from recsys.encoders.text import minilm_folder
from recsys.encoders.tokens import LETTERS_PER_TOKEN, tokenize
from tests.support.tiny_transformers import WORDS, save_tokenizer

LONG = "red wool scarf " * 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder)
    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    return folder


@pytest.fixture
def tokenizer(folder: Path) -> Any:
    return load_tokenizer(str(folder))


def words(ids: Any) -> list[str]:
    return [WORDS[number] for number in ids]


def test_a_long_text_has_the_first_tokens_of_the_whole(tokenizer: Any) -> None:
    found = tokenize(tokenizer, [LONG, "mug"], max_tokens=4)
    assert [words(ids) for ids in found.ids] == [["red", "wool", "scarf", "red"], ["mug"]]
    assert found.cut == [True, False]


def test_a_tokenizer_that_cuts_in_front_keeps_the_last_tokens_of_the_whole(tokenizer: Any) -> None:
    tokenizer.truncation_side = "left"
    found = tokenize(tokenizer, [LONG + "mug"], max_tokens=3)
    assert (words(found.ids[0]), found.cut) == (["wool", "scarf", "mug"], [True])


def test_where_many_letters_make_few_tokens_the_whole_is_read(tokenizer: Any) -> None:
    found = tokenize(tokenizer, ["red" + " " * 10 * LETTERS_PER_TOKEN + "mug of steel", "mug"], max_tokens=3)
    assert [words(ids) for ids in found.ids] == [["red", "mug", "of"], ["mug"]]
    assert found.cut == [True, False]


def test_a_megabyte_is_not_shown_to_the_tokenizer(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    read = type(tokenizer).__call__
    monkeypatch.setattr(type(tokenizer), "__call__", lambda self, texts, **how: shown.extend(texts) or read(self, texts, **how))
    tokenize(tokenizer, ["red " * 250_000], max_tokens=16)
    assert [len(text) for text in shown] == [len(("red " * 16 * (LETTERS_PER_TOKEN // 4)).rstrip())]


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_word_that_a_tokenizer_gives_up_on_is_not_cut_to_one_that_it_would_read(side: str) -> None:
    tokenizer = load_tokenizer(minilm_folder())
    tokenizer.truncation_side = side
    texts = [" ".join(letter * size for letter in "abcdefghijklmnopqrstuvwxyz" * 8) for size in (101, 107, 110, 120, 130)]
    whole = tokenizer(texts, truncation=True, max_length=128)["input_ids"]
    assert tokenize(tokenizer, texts, max_tokens=128).ids == whole

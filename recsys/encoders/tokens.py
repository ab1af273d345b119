"""Texts as a model reads them, at a cost that does not grow with what it never reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LETTERS_PER_TOKEN = 64
"""So many letters for each token that is asked for are looked at first: more than words need, and far less than a megabyte."""
LONGEST_WORD = 256
"""Letters of a word that is never cut to fewer: at some 100 tokenizers give up on a word, and would not on its beginning."""


@dataclass(frozen=True)
class Tokens:
    """Texts as the model reads them."""

    ids: Sequence[Sequence[int]]
    """Of each text, `max_tokens` at most."""
    cut: Sequence[bool]
    """Whether the text says more than that."""


def tokenize(tokenizer: Any, texts: Sequence[str], *, max_tokens: int) -> Tokens:
    """Ids of the texts' tokens.

    A tokenizer reads a text whole before it cuts it, seconds for a megabyte. So of a long text only the end that stays is shown to it;
    whole texts are read where that was too little.

    Args:
        tokenizer: Of transformers; says at which end it cuts.
        texts: What to read.
        max_tokens: Of each text, the tokenizer's own marks counted.
    """
    letters = max_tokens * LETTERS_PER_TOKEN
    from_behind = tokenizer.truncation_side == "left"
    shown = [text if len(text) <= letters else _end(text, letters, from_behind=from_behind) for text in texts]
    found = _tokenize(tokenizer, shown, max_tokens)
    short = [row for row, text in enumerate(texts) if len(text) > letters and not found.cut[row]]
    if not short:
        return found
    whole = _tokenize(tokenizer, [texts[row] for row in short], max_tokens)
    ids, cut = list(found.ids), list(found.cut)
    for at, row in enumerate(short):
        ids[row], cut[row] = whole.ids[at], whole.cut[at]
    return Tokens(ids, cut)


def _end(text: str, letters: int, *, from_behind: bool) -> str:
    """So many letters from one end of a text, or somewhat fewer, so that the last word among them is whole."""
    part = text[-letters:] if from_behind else text[:letters]
    broken = re.match(r"\S*\s", part[:LONGEST_WORD]) if from_behind else re.search(r"\s\S*$", part[-LONGEST_WORD:])
    if broken is None:
        return part
    return part[broken.end() :] if from_behind else part[: len(part) - len(broken.group())]


def _tokenize(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Tokens:
    if not texts:
        return Tokens([], [])
    found = tokenizer(list(texts), truncation=True, max_length=max_tokens)
    if found.encodings:  # of a tokenizer in Rust, which keeps what it cuts off
        return Tokens(found["input_ids"], [bool(encoding.overflowing) for encoding in found.encodings])
    whole = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
    return Tokens(found["input_ids"], [len(ids) > max_tokens for ids in whole])

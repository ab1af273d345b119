"""Whether a file holds a user: by the columns that name users, and by bytes where an id is long enough to be nothing else."""

import json
import mmap
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.checks import REASON
from pipelines.privacy.cells import database_cells, is_database, is_of_database, parquet_texts

TELLING_BYTES = 8
"""A shorter id may stand in any bytes by chance, so only columns that name users, and words of text files, can say where it stands."""
LEAST_WORD = 4
"""An id that is shorter still, or made of digits alone, is not looked for among words."""
TEXTS = (".html", ".json", ".jsonl", ".ndjson", ".log", ".csv", ".txt", ".toml")
WORD = "[0-9A-Za-z_-]"
"""An id that goes on with one of these is another one: `customer1` does not stand in `customer10`."""
BEFORE, BEHIND = rf"(?:(?<!{WORD})|(?<=\\[nrt]))", f"(?!{WORD})"
"""The first letter of a word may follow a line break or a tab as JSON writes them."""
USER, CONTENT = "user_id", "content"
HIDDEN = "(erased)"


@dataclass(frozen=True)
class Sought:
    """A user by every name our files may have."""

    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Ids of others in which one of the names stands as a word, as anna@shop does in anna@shop.com."""

    @cached_property
    def telling(self) -> tuple[str, ...]:
        """Those of the names that can be looked for anywhere."""
        return tuple(name for name in self.names if len(name.encode()) >= TELLING_BYTES)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The telling names as texts, JSON and HTML write them."""
        return _forms(self.telling)

    @cached_property
    def whole(self) -> "Words | None":
        """The forms where they are not part of a longer id; None where no name is telling."""
        return Words(self.forms, _forms(self.others)) if self.forms else None

    @cached_property
    def words(self) -> "Words | None":
        """The other names, likewise; None where none can be told from common words and numbers."""
        some = [name for name in self.names if name not in self.telling and len(name) >= LEAST_WORD and not name.isdecimal()]
        return Words(some, _forms(self.others)) if some else None

    def rows(self, columns: pl.Schema) -> pl.Expr | None:
        """True for rows that are of the user, or that were refused and name the user; None where no column can say so."""
        if USER in columns:
            return pl.col(USER).cast(pl.String).is_in(self.names)
        if CONTENT not in columns or REASON not in columns:
            return None
        said = pl.col(CONTENT).str.json_path_match(f"$.{USER}").str.strip_suffix(".0")
        mentioned = [self.whole.in_texts(pl.col(column)) for column in (CONTENT, REASON)] if self.whole else []
        return pl.any_horizontal(said.is_in(self.names), *mentioned).fill_null(False)

    def in_file(self, path: Path) -> bool:
        """Whether a file, its name too, holds the user."""
        if self.in_text(path.name) or self._in_bytes(path):
            return True
        return self._in_parquet(path) if path.suffix == ".parquet" else self._in_database(path)

    def in_text(self, text: str) -> bool:
        """Whether a text does, where that can be told."""
        return bool(self.whole and self.whole.stand_in(text.encode()))

    def hide(self, value: Any) -> Any:
        """Values as of JSON with HIDDEN where a telling name stood."""
        if isinstance(value, str):
            return self.whole.hidden(value.encode()).decode() if self.whole else value
        if isinstance(value, dict):
            return {self.hide(key): self.hide(inner) for key, inner in value.items()}
        return [self.hide(inner) for inner in value] if isinstance(value, list) else value

    def _in_bytes(self, path: Path) -> bool:
        """By whole words where a file is text, or its values are looked through besides; anywhere in other bytes, where they may touch."""
        if not path.stat().st_size:
            return False
        text = path.suffix in TEXTS
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if text and self.words and self.words.stand_in(content):
                return True
            if not (self.whole and self._stands_in(content)):
                return False
            whole_words = text or path.suffix == ".parquet" or is_of_database(path)
            return self.whole.stand_in(content) if whole_words else self.whole.touch(content)

    def _stands_in(self, content: bytes | mmap.mmap) -> bool:
        """Whether any form does, perhaps within a longer id; much faster than to look for words."""
        return any(content.find(form.encode()) >= 0 for form in self.forms)

    def _in_parquet(self, path: Path) -> bool:
        rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        theirs = self.rows(rows.collect_schema())
        if theirs is not None and rows.select(theirs.any()).collect().item():
            return True
        whole = self.whole
        return whole is not None and any(texts.to_frame().select(whole.in_texts(pl.first()).any()).item() for texts in parquet_texts(rows))

    def _in_database(self, path: Path) -> bool:
        if not (self.whole and is_database(path)):
            return False
        try:
            return any(self.whole.stand_in(cell) for cell in database_cells(path, self.forms))
        except sqlite3.Error:  # who cannot read it can still say that nothing like the id is in it
            return self._stands_in(path.read_bytes())


@dataclass(frozen=True)
class Words:
    """Texts that are looked for where they are not part of something longer."""

    texts: Sequence[str]
    longer: Sequence[str]
    """What is passed over, though one of the texts stands in it as a word."""

    def stand_in(self, content: bytes | mmap.mmap) -> bool:
        """Whether one of the texts does, as a word."""
        return any(found.lastindex for found in self._as_words.finditer(content))

    def touch(self, content: bytes | mmap.mmap) -> bool:
        """Whether one of the texts does, whatever stands beside it."""
        return any(found.lastindex for found in self._anywhere.finditer(content))

    def hidden(self, content: bytes) -> bytes:
        """The content with HIDDEN where they stood."""
        return self._as_words.sub(lambda found: HIDDEN.encode() if found.lastindex else found[0], content)

    def in_texts(self, column: pl.Expr) -> pl.Expr:
        """Whether one of them stands in each text of a column."""
        sought = rf"(?:^|[^{WORD[1:-1]}]|\\[nrt])(?:{_any_of(self.texts)})(?:$|[^{WORD[1:-1]}])"
        return (column.str.replace_all(_any_of(self.longer), "\0") if self.longer else column).str.contains(sought)

    @cached_property
    def _as_words(self) -> re.Pattern[bytes]:
        return self._pattern(rf"{BEFORE}(?:{_any_of(self.texts)}){BEHIND}")

    @cached_property
    def _anywhere(self) -> re.Pattern[bytes]:
        return self._pattern(_any_of(self.texts))

    def _pattern(self, sought: str) -> re.Pattern[bytes]:
        """What is sought is the group; what is longer comes first and is none."""
        return re.compile((f"{_any_of(self.longer)}|({sought})" if self.longer else f"({sought})").encode())


def _forms(names: Sequence[str]) -> tuple[str, ...]:
    """Names as texts, JSON and HTML write them, and as the quarantine of an earlier version wrote bytes."""
    ways = (str, escape, lambda name: json.dumps(name)[1:-1], lambda name: json.dumps(name, ensure_ascii=False)[1:-1])
    of_bytes = [json.dumps(repr(name.encode())[2:-1])[1:-1] for name in names]
    return tuple(sorted({way(name) for name in names for way in ways} | set(of_bytes)))


def _any_of(texts: Sequence[str]) -> str:
    """A pattern of Python's and of Polars' kind, the longest text first."""
    return "|".join(pl.escape_regex(text) for text in sorted(texts, key=len, reverse=True))

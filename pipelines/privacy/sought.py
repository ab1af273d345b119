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

    @cached_property
    def telling(self) -> tuple[str, ...]:
        """Those of the names that can be looked for anywhere."""
        return tuple(name for name in self.names if len(name.encode()) >= TELLING_BYTES)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The telling names as texts, JSON and HTML write them."""
        return tuple(sorted({form for name in self.telling for form in (name, json.dumps(name)[1:-1], escape(name))}))

    @cached_property
    def whole(self) -> re.Pattern[bytes] | None:
        """The forms where they are not part of a longer id; None where no name is telling."""
        return _whole_words(self.forms)

    @cached_property
    def words(self) -> re.Pattern[bytes] | None:
        """The other names, likewise; None where none can be told from common words and numbers."""
        return _whole_words([name for name in self.names if name not in self.telling and len(name) >= LEAST_WORD and not name.isdecimal()])

    def rows(self, columns: pl.Schema) -> pl.Expr | None:
        """True for rows that are of the user, or that were refused and name the user; None where no column can say so."""
        if USER in columns:
            return pl.col(USER).cast(pl.String).is_in(self.names)
        if CONTENT not in columns or REASON not in columns:
            return None
        said = pl.col(CONTENT).str.json_path_match(f"$.{USER}").str.strip_suffix(".0")
        mentioned = [pl.col(column).str.contains(self._in_texts) for column in (CONTENT, REASON) if self.telling]
        return pl.any_horizontal(said.is_in(self.names), *mentioned).fill_null(False)

    def in_file(self, path: Path) -> bool:
        """Whether a file, its name too, holds the user."""
        if self.in_text(path.name) or self._in_bytes(path):
            return True
        return self._in_parquet(path) if path.suffix == ".parquet" else self._in_database(path)

    def in_text(self, text: str) -> bool:
        """Whether a text does, where that can be told."""
        return bool(self.whole and self.whole.search(text.encode()))

    def hide(self, value: Any) -> Any:
        """Values as of JSON with HIDDEN where a telling name stood."""
        if isinstance(value, str):
            return self.whole.sub(HIDDEN.encode(), value.encode()).decode() if self.whole else value
        if isinstance(value, dict):
            return {self.hide(key): self.hide(inner) for key, inner in value.items()}
        return [self.hide(inner) for inner in value] if isinstance(value, list) else value

    @cached_property
    def _in_texts(self) -> str:
        """What `whole` finds, as Polars asks for it."""
        return rf"(?:^|[^{WORD[1:-1]}]|\\[nrt])(?:{'|'.join(pl.escape_regex(form) for form in self.forms)})(?:$|[^{WORD[1:-1]}])"

    def _in_bytes(self, path: Path) -> bool:
        """By whole words where a file is text, or its values are looked through besides; anywhere in other bytes, where they may touch."""
        if not path.stat().st_size:
            return False
        text = path.suffix in TEXTS
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if text and self.words and self.words.search(content):
                return True
            if not (self.whole and self._stands_in(content)):
                return False
            return bool(self.whole.search(content)) or not (text or path.suffix == ".parquet" or is_of_database(path))

    def _stands_in(self, content: bytes | mmap.mmap) -> bool:
        """Whether any form does, perhaps within a longer id; much faster than to look for words."""
        return any(content.find(form.encode()) >= 0 for form in self.forms)

    def _in_parquet(self, path: Path) -> bool:
        rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        theirs = self.rows(rows.collect_schema())
        if theirs is not None and rows.select(theirs.any()).collect().item():
            return True
        return bool(self.telling) and any(texts.str.contains(self._in_texts).any() for texts in parquet_texts(rows))

    def _in_database(self, path: Path) -> bool:
        if not (self.whole and is_database(path)):
            return False
        try:
            return any(self.whole.search(cell) for cell in database_cells(path, self.forms))
        except sqlite3.Error:  # who cannot read it can still say that nothing like the id is in it
            return self._stands_in(path.read_bytes())


def _whole_words(texts: Sequence[str]) -> re.Pattern[bytes] | None:
    some = b"|".join(re.escape(text.encode()) for text in texts)
    return re.compile(BEFORE.encode() + b"(?:" + some + b")" + BEHIND.encode()) if texts else None

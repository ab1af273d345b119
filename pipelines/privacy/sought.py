"""Whether a file holds a user: by the columns that name users, and by bytes where an id is long enough to be nothing else."""

import json
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.checks import REASON

TELLING_BYTES = 8
"""A shorter id may stand in any bytes by chance, so only columns that name users, and whole words of texts, can say where it stands."""
LEAST_WORD = 4
"""An id that is shorter still, or made of digits alone, is not looked for among words."""
TEXTS = (".html", ".json", ".jsonl", ".log", ".csv", ".txt", ".toml")
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
    def patterns(self) -> tuple[bytes, ...]:
        """The telling names as texts, JSON and HTML write them."""
        written = {form for name in self.telling for form in (name, json.dumps(name)[1:-1], escape(name))}
        return tuple(sorted(form.encode() for form in written))

    @cached_property
    def words(self) -> re.Pattern[bytes] | None:
        """The other names, as whole words; None where none can be told from common words and numbers."""
        words = [name for name in self.names if name not in self.telling and len(name) >= LEAST_WORD and not name.isdecimal()]
        some = b"|".join(re.escape(word.encode()) for word in words)
        return re.compile(rb"(?<![\w-])(?:" + some + rb")(?![\w-])") if words else None

    def rows(self, columns: pl.Schema) -> pl.Expr | None:
        """True for rows that are of the user, or that were refused and name the user; None where no column can say so."""
        if USER in columns:
            return pl.col(USER).cast(pl.String).is_in(self.names)
        if CONTENT not in columns or REASON not in columns:
            return None
        said = pl.col(CONTENT).str.json_path_match(f"$.{USER}").str.strip_suffix(".0")
        mentioned = [pl.col(column).str.contains_any(list(self.telling)) for column in (CONTENT, REASON) if self.telling]
        return pl.any_horizontal(said.is_in(self.names), *mentioned).fill_null(False)

    def in_file(self, path: Path) -> bool:
        """Whether a file, its name too, holds the user."""
        if any(name in path.name for name in self.telling) or self._in_bytes(path):
            return True
        return path.suffix == ".parquet" and self._in_parquet(path)

    def in_text(self, text: str) -> bool:
        """Whether a text does, where that can be told."""
        return any(pattern in text.encode() for pattern in self.patterns)

    def hide(self, value: Any) -> Any:
        """Values as of JSON with HIDDEN where a telling name stood."""
        if isinstance(value, str):
            for name in self.telling:
                value = value.replace(name, HIDDEN)
            return value
        if isinstance(value, dict):
            return {self.hide(key): self.hide(inner) for key, inner in value.items()}
        return [self.hide(inner) for inner in value] if isinstance(value, list) else value

    def _in_bytes(self, path: Path) -> bool:
        words = self.words if path.suffix in TEXTS else None
        if not (self.patterns or words) or not path.stat().st_size:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(pattern) >= 0 for pattern in self.patterns) or bool(words and words.search(content))

    def _in_parquet(self, path: Path) -> bool:
        rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        columns = rows.collect_schema()
        theirs = self.rows(columns)
        if theirs is not None and rows.select(theirs.any()).collect().item():
            return True
        named = list(self.telling)
        texts = (text for name in columns if named for text in _texts(rows.select(name).collect()[name]))
        return any(text.str.contains_any(named).any() for text in texts)


def _texts(values: pl.Series) -> Iterator[pl.Series]:
    """The texts in a column, however deep they stand."""
    if values.dtype == pl.String:
        yield values
    elif isinstance(values.dtype, pl.List | pl.Array):
        yield from _texts(values.explode())
    elif isinstance(values.dtype, pl.Struct):
        for name in values.struct.fields:
            yield from _texts(values.struct.field(name))

"""What came of each photo, written down at once, so that a killed run need not ask again."""

import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from feature_store.schema import FETCHED_IMAGES
from pipelines.fetching.image import FetchedImage


class Journal:
    """A file of JSON lines, each a row of `fetched_images`; of one photo the last line counts.

    Args:
        path: The file; what a killed run has left in it stands, but for a last line that is torn.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("ab+")
        self._file.seek(0)
        self._file.truncate(sum(len(line) for line in self._file if line.endswith(b"\n")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def record(self, image: FetchedImage) -> None:
        """Add a line; a kill right after leaves it there."""
        row = asdict(image) | {"fetched_at": image.fetched_at and image.fetched_at.isoformat()}
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def read(self) -> pl.DataFrame:
        """Rows of `fetched_images`, oldest first."""
        if not self._path.stat().st_size:
            return FETCHED_IMAGES.empty()
        schema = pl.Schema(FETCHED_IMAGES.schema)
        schema["fetched_at"] = pl.String()
        return pl.read_ndjson(self._path, schema=schema).with_columns(pl.col("fetched_at").str.to_datetime(time_unit="us", time_zone="UTC"))

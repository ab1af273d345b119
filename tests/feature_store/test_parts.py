import itertools
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feature_store.parts import Memory, parts_of


def files_of(seed: int, *, rows: int = 3000, users: int = 40) -> list[pl.LazyFrame]:
    """Three files of events with a user, and the place of each."""
    names = [f"u{user:02d}" for user in np.random.default_rng(seed).integers(0, users, rows)]
    frame = pl.DataFrame({"user": names, "place": range(rows), "when": [datetime(2025, 1, 1, tzinfo=UTC)] * rows})
    return [part.lazy() for part in frame.iter_slices(rows // 3)]


def parts(files: list[pl.LazyFrame], folder: Path, *, limit: int) -> list[pl.DataFrame]:
    memory = Memory(limit_bytes=limit, folder=folder)
    return [part.collect() for part in parts_of(files, "user", row_bytes=100, memory=memory)]


def test_rows_that_fit_are_one_part_and_never_touch_the_disk(tmp_path: Path) -> None:
    (whole,) = parts(files_of(0), tmp_path / "not there", limit=300_000)
    assert whole.equals(pl.concat(files_of(0)).collect())


@pytest.mark.parametrize("seed", range(3))
def test_parts_hold_whole_keys_in_order_with_their_rows_as_they_came(tmp_path: Path, seed: int) -> None:
    found = parts(files_of(seed), tmp_path, limit=30_000)
    assert len(found) == 10
    assert pl.concat(found).sort("user", maintain_order=True).equals(pl.concat(files_of(seed)).collect().sort("user", maintain_order=True))
    ends = [(part["user"].min(), part["user"].max()) for part in found]
    assert all(last < first for (_, last), (first, _) in itertools.pairwise(ends))  # type: ignore[operator]


def test_a_key_with_more_rows_than_memory_holds_stays_whole(tmp_path: Path) -> None:
    found = parts(files_of(0, users=1), tmp_path, limit=30_000)
    assert [part.height for part in found] == [3000]


def test_nothing_stays_on_disk_even_if_reading_is_given_up(tmp_path: Path) -> None:
    asked = parts_of(files_of(0), "user", row_bytes=100, memory=Memory(limit_bytes=30_000, folder=tmp_path))
    next(asked)
    asked.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from feature_store.errors import SchemaError
from feature_store.file_contract import check_file, file_metadata
from tests.support.shelf import SHELF as OLD_SHELF
from tests.support.shelf import shelf

SHELF = replace(OLD_SHELF, version=2)


def write(path: Path, rows: pl.DataFrame, *, version: int = 2) -> Path:
    rows.write_parquet(path / "x.parquet", metadata=file_metadata(SHELF) | {"vitrine.table_version": str(version)})
    return path / "x.parquet"


def test_a_file_that_keeps_the_contract_tells_its_version(tmp_path: Path) -> None:
    assert check_file(write(tmp_path, shelf(("x", "a", 0.5), ("y", None, None))), SHELF) == 2


def test_a_file_that_says_no_version_is_of_the_first(tmp_path: Path) -> None:
    pl.DataFrame({"anything": [1]}).write_parquet(tmp_path / "x.parquet")
    assert check_file(tmp_path / "x.parquet", SHELF) == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((None, "a", 0.5), r"shelf.name: 1 of 2 rows break the rule «not null», first \[None\]"),
        (("y", "c", 0.5), r"shelf.kind: 1 of 2 rows break the rule «one of a, b», first \['c'\]"),
        (("y", "a", -0.5), r"shelf.share: 1 of 2 rows .* first \[-0.5\]"),
        (("y", "a", 1.5), r"shelf.share: 1 of 2 rows .* first \[1.5\]"),
    ],
)
def test_a_breaking_file_is_refused_by_name_count_and_first_values(tmp_path: Path, row: tuple[str | None, str, float], told: str) -> None:
    path = write(tmp_path, shelf(("x", "a", 0.5), row))
    with pytest.raises(SchemaError, match=rf"x\.parquet: {told}\. Delete the table's folder"):
        check_file(path, SHELF)


def test_a_file_of_other_columns_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"x\.parquet: columns .*Int64.* wanted .*String"):
        check_file(write(tmp_path, pl.DataFrame({"name": [1]})), SHELF)

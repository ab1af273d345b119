from pathlib import Path

import polars as pl
import pytest

from feature_store.errors import LandingError, MixedEncodersError
from feature_store.given_vectors import GivenVectors, read_given_vectors
from feature_store.landing import list_landing


def read(root: Path, *, dim: int = 0) -> GivenVectors:
    return read_given_vectors(list_landing([root], root=root), pl.Series(["a", "b", "c", "d", "7"]), dim=dim)


def write(path: Path, vectors: dict[str, list[float] | None], *, version: str | None = None) -> None:
    frame = pl.DataFrame({"item_id": list(vectors), "vector": list(vectors.values())})
    frame.with_columns(version=pl.lit(version, pl.String)).write_parquet(path)


def taken(given: GivenVectors) -> dict[str, list[float] | None]:
    return dict(given.rows.select("item_id", "vector").iter_rows())


def test_the_last_row_of_an_item_counts_and_one_without_a_vector_takes_it_away(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]})
    write(tmp_path / "2.parquet", {"b": [7.0, 8.0], "c": None})
    given = read(tmp_path)
    assert taken(given) == {"a": [1.0, 2.0], "b": [7.0, 8.0]}
    assert given.repeated == 2


def test_a_vector_of_another_length_than_most_has_a_reason_instead(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0], "d": []})
    given = read(tmp_path)
    assert given.dim == 2
    assert given.rows["reason"].to_list() == [None, None, "vector: 1 numbers, not 2", "vector: 0 numbers, not 2"]


def test_the_length_may_be_told(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0]})
    assert taken(read(tmp_path, dim=1)) == {"a": None, "b": None, "c": [5.0]}


def test_vectors_of_one_length_and_whole_numbers_are_read_from_any_format(tmp_path: Path) -> None:
    pl.DataFrame({"item_id": [7], "vector": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2))}).write_parquet(tmp_path / "x.parquet")
    (tmp_path / "y.jsonl").write_text('{"item_id": "b", "vector": [3, 4]}\n')
    assert taken(read(tmp_path)) == {"7": [1.0, 2.0], "b": [3.0, 4.0]}


def test_without_a_name_the_files_are_the_version(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", {"a": [1.0]})
    first = read(tmp_path).version
    write(tmp_path / "x.parquet", {"a": [2.0]})
    assert read(tmp_path).version != first
    write(tmp_path / "x.parquet", {"a": [2.0]}, version="ears-2")
    assert read(tmp_path).version == "ears-2"


def test_two_versions_among_the_vectors_that_count_are_refused_and_named(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"a": [1.0], "b": [2.0]}, version="ears-1")
    write(tmp_path / "2.parquet", {"b": [2.0]}, version="ears-2")
    with pytest.raises(MixedEncodersError, match=r"come from 2 encoders: .*ears-1 \(1 rows\)"):
        read(tmp_path)
    write(tmp_path / "3.parquet", {"a": [3.0]}, version="ears-2")  # now nothing of the old encoder counts
    assert read(tmp_path).version == "ears-2"


def test_a_file_in_which_no_item_has_a_vector_gives_none(tmp_path: Path) -> None:
    pl.DataFrame({"item_id": ["a", None], "vector": pl.Series([None, [1.0]], dtype=pl.List(pl.Float32))}).write_parquet(
        tmp_path / "x.parquet"
    )
    given = read(tmp_path)
    assert (taken(given), given.dim, given.unknown) == ({}, 1, 1)


def test_rows_of_other_items_are_counted_and_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", {"gone": [1.0, 2.0, 3.0], "long gone": [1.0, 2.0, 3.0]}, version="ears-1")
    write(tmp_path / "2.parquet", {"a": [1.0]}, version="ears-2")
    given = read(tmp_path)
    assert (given.unknown, given.dim, given.version) == (2, 1, "ears-2")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"id": ["a"], "vector": [[1.0]]}), r"x\.parquet has no column item_id; it has id, vector"),
        (pl.DataFrame({"item_id": ["a"], "vector": ["[1.0]"]}), r"x\.parquet has String in the column vector; wanted is a list of numbers"),
        (pl.DataFrame({"item_id": ["a"], "vector": [["1.0"]]}), r"List\(String\) in the column vector"),
    ],
    ids=["no item_id", "text", "list of texts"],
)
def test_a_file_without_vectors_is_refused_by_name(frame: pl.DataFrame, message: str, tmp_path: Path) -> None:
    frame.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(LandingError, match=message):
        read(tmp_path)

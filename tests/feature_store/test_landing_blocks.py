from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.errors import LandingError
from feature_store.landing import read_landing
from feature_store.landing_blocks import read_landing_blocks

ROWS = pl.DataFrame({"item_id": [f"item {row}" for row in range(20_000)], "text": ['say "a,\nb"', None, "é", ""] * 5_000})


def write(rows: pl.DataFrame, path: Path) -> Path:
    {".parquet": rows.write_parquet, ".csv": rows.write_csv, ".jsonl": rows.write_ndjson}[path.suffix](path)
    return path


def blocks(path: Path, block_bytes: int = 10_000) -> list[pl.DataFrame]:
    return list(read_landing_blocks(path, block_bytes=block_bytes))


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_all_blocks_together_are_the_rows_of_the_file_and_no_block_is_large(tmp_path: Path, suffix: str) -> None:
    path = write(ROWS, tmp_path / f"x.{suffix}")
    found = blocks(path)
    assert pl.concat(found).equals(read_landing(path))
    assert max(block.height for block in found) <= 4096
    assert min(block.height for block in found) > 0


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_file_without_rows_is_one_block_with_its_columns(tmp_path: Path, suffix: str) -> None:
    (block,) = blocks(write(ROWS.clear(), tmp_path / f"x.{suffix}"))
    assert (block.height, block.columns) == (0, ROWS.columns)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_file_cut_in_half_is_told_in_one_line_after_what_could_be_read(tmp_path: Path, suffix: str) -> None:
    path = write(ROWS, tmp_path / f"x.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 3])
    with pytest.raises(LandingError, match=r"^cannot be read: [^\n]+$"):
        blocks(path)


@pytest.mark.parametrize("content", [b"", b"a,b\n\xff\xfe,1\n", b"a,b\n1,2,3\n", b'a,b\n"never closed,' + b"x" * 100_000])
def test_a_csv_file_that_is_none_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(LandingError, match="cannot be read"):
        blocks(tmp_path / "x.csv")


@pytest.mark.parametrize("field", ["a", '"a"'])
def test_one_quote_that_nobody_closes_is_told_however_many_rows_follow(tmp_path: Path, field: str) -> None:
    row = f"{field},{field}\n"
    path = tmp_path / "x.csv"
    path.write_text("x,y\n" + row * 9 + f'{field},"b\n' + row * (5_000_000 // len(row)))
    with pytest.raises(LandingError, match="is a quote never closed"):  # to count anew at each line break would take hours
        blocks(path, block_bytes=1_000_000)


def test_a_column_that_comes_in_the_last_line_is_a_column_of_every_block(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n' * 5000 + '{"b": 2}\n')
    assert {tuple(block.columns) for block in blocks(tmp_path / "x.jsonl")} == {("a", "b")}


def test_a_row_longer_than_a_block_comes_whole(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"a": ["x" * 3000, "y"]}), tmp_path / "x.csv")
    assert pl.concat(blocks(path, block_bytes=1000))["a"].to_list() == ["x" * 3000, "y"]


def test_another_kind_of_file_is_named_with_the_readable_ones(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"is a \.xlsx file; readable are \.parquet, \.csv, \.jsonl, \.ndjson"):
        blocks(tmp_path / "x.xlsx")


fields = st.text(alphabet='ab",\n é', max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=30), st.integers(1, 80))
def test_wherever_blocks_end_a_csv_file_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], block_bytes: int
) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row").with_columns(c=pl.lit("end"))
    path = write(frame, tmp_path_factory.mktemp("csv") / "x.csv")
    assert pl.concat(blocks(path, block_bytes=max(block_bytes, path.stat().st_size // 4))).equals(read_landing(path))

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.errors import LandingError
from feature_store.landing import list_landing, read_landing
from feature_store.landing_blocks import read_landing_blocks

ROWS = pl.DataFrame({"item_id": ["a b", "é"], "price": ["1", None]})


def test_files_stand_folder_by_folder_and_then_by_name(tmp_path: Path) -> None:
    for name in ("late/b.csv", "late/a.csv", "early/z/y.csv", "early/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = list_landing([tmp_path / "late", tmp_path / "early", tmp_path / "missing"], root=tmp_path)
    assert [file.name for file in found] == ["late/a.csv", "late/b.csv", "early/c.csv", "early/z/y.csv"]


def test_a_file_stands_for_itself(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)
    assert [file.name for file in list_landing([tmp_path / "b.csv"], root=tmp_path)] == ["b.csv"]


def test_hidden_and_half_written_names_are_not_listed(tmp_path: Path) -> None:
    for name in (".x.parquet.partial", "_SUCCESS"):
        (tmp_path / name).write_text("")
    assert list_landing([tmp_path], root=tmp_path) == []


def test_the_digest_is_of_the_bytes_and_follows_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("one")
    (tmp_path / "b.csv").write_text("one")
    a, b = list_landing([tmp_path], root=tmp_path)
    assert a.digest == b.digest
    (tmp_path / "a.csv").write_text("two, longer")
    assert list_landing([tmp_path], root=tmp_path)[0].digest != a.digest


def test_the_same_rows_are_read_from_every_format(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "x.parquet")
    ROWS.write_csv(tmp_path / "x.csv")
    ROWS.write_ndjson(tmp_path / "x.jsonl")
    for suffix in ("parquet", "csv", "jsonl"):
        assert read_landing(tmp_path / f"x.{suffix}").rows() == ROWS.rows()


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_file_cut_in_half_is_told_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    ROWS.write_parquet(path) if suffix == "parquet" else ROWS.write_ndjson(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 3])
    with pytest.raises(LandingError, match=r"^cannot be read: [^\n]+$"):
        read_landing(path)


@pytest.mark.parametrize("content", [b"", b"a,b\n\xff\xfe,1\n", b"a,b\n1,2,3\n"])
def test_a_csv_file_that_is_none_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(LandingError, match="cannot be read"):
        read_landing(tmp_path / "x.csv")


def test_another_kind_of_file_is_named_with_the_readable_ones(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"is a \.xlsx file; readable are \.parquet, \.csv, \.jsonl, \.ndjson"):
        read_landing(tmp_path / "x.xlsx")


@pytest.mark.parametrize("read", [read_landing, lambda path: pl.concat(read_landing_blocks(path, block_bytes=20))], ids=["whole", "blocks"])
class TestBothWays:
    """Of files for the catalogue and of those for the log."""

    @pytest.mark.parametrize("suffix", ["csv", "jsonl"])
    def test_a_byte_order_mark_is_passed_over(self, tmp_path: Path, suffix: str, read: Callable[[Path], pl.DataFrame]) -> None:
        path = tmp_path / f"x.{suffix}"
        ROWS.write_csv(path) if suffix == "csv" else ROWS.write_ndjson(path)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert read(path).rows() == ROWS.rows()

    @pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
    def test_a_file_that_has_gone_since_it_was_listed_is_told(
        self, tmp_path: Path, suffix: str, read: Callable[[Path], pl.DataFrame]
    ) -> None:
        with pytest.raises(LandingError, match=r"^cannot be read: .*No such file"):
            read(tmp_path / f"gone.{suffix}")

    @pytest.mark.parametrize("line", ['{"item_id": "1"', "7", "[1]", "{} {}"])
    def test_a_line_that_is_no_object_is_named(self, tmp_path: Path, line: str, read: Callable[[Path], pl.DataFrame]) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text(f'{{"item_id": "a"}}\n\n{{"item_id": "b"}}\n{line}\n{{"item_id": "c"}}\n')
        with pytest.raises(LandingError, match=r"^cannot be read: line 4 is no JSON object; mend it or take it out$"):
            read(path)

    @pytest.mark.parametrize(
        "column",
        [pa.array([Decimal(1)], pa.decimal256(50, 2)), pa.array([0], pa.timestamp("us", tz="Not/AZone"))],
        ids=["decimal256", "zone"],
    )
    def test_types_that_polars_does_not_know_are_told(self, tmp_path: Path, column: pa.Array, read: Callable[[Path], pl.DataFrame]) -> None:
        pq.write_table(pa.table({"value": column}), tmp_path / "x.parquet")
        with pytest.raises(LandingError, match=r"^cannot be read: "):
            read(tmp_path / "x.parquet")

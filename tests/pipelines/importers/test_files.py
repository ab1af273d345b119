import gzip
from pathlib import Path

import polars as pl
import pytest

from pipelines.importers import files
from pipelines.importers.files import read_csv_blocks, read_lines
from pipelines.importers.landing import ImportSourceError
from pipelines.progress import Progress


def rows_of(path: Path) -> pl.DataFrame:
    return pl.concat(read_csv_blocks(path, ("b", "a"), what="reading", progress=Progress()))


@pytest.mark.parametrize("block_bytes", [1, 6, 9, 1000])
def test_blocks_hold_every_row_once_whatever_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", block_bytes)
    (tmp_path / "x.csv").write_text('a,b,c\n\n01,"x,y",1\n02,,2\n03,é,3', encoding="utf-8")
    assert rows_of(tmp_path / "x.csv").rows() == [("x,y", "01"), (None, "02"), ("é", "03")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"a,b\n1,2,3\n", "found more fields"),
        (b"a,b\n1,\xff\n", "invalid utf-8"),
        (b'a,b\n1,"2\n3"\n', "a field of it holds a line break"),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ImportSourceError, match=rf"x\.csv cannot be read: {told}.*\. Unpack the archive again"):
        rows_of(tmp_path / "x.csv")


def test_lines_of_a_packed_file_are_those_of_the_plain_one(tmp_path: Path) -> None:
    content = b"one\ntwo\n\nfour"
    (tmp_path / "x.jsonl").write_bytes(content)
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(content))
    for name in ("x.jsonl", "x.jsonl.gz"):
        assert list(read_lines(tmp_path / name, what="reading", progress=Progress())) == [[b"one\n", b"two\n", b"four"]]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(b"one\n" * 100)[:-10], id="cut short"),
        pytest.param(b"one\n", id="not packed"),
        pytest.param(gzip.compress(b"one\n")[:12] + b"\xff" * 20, id="damaged inside"),
    ],
)
def test_a_packed_file_that_breaks_off_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(ImportSourceError, match=r"x\.gz cannot be read: .* Unpack the archive again"):
        list(read_lines(tmp_path / "x.gz", what="reading", progress=Progress()))

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.privacy.sought import HIDDEN, Sought

USER = "customer1"


@pytest.mark.parametrize(
    "text", ["customer1", "of customer1.", "x=customer1&y", "“customer1”", json.dumps("a\ncustomer1\tb"), "customer10 customer1"]
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_id_is_found_where_it_is_a_word(tmp_path: Path, text: str, suffix: str) -> None:
    assert Sought((USER,)).in_file(written(tmp_path / f"x.{suffix}", text))


@pytest.mark.parametrize("text", ["customer10", "my-customer1", "customer1-2", "customer1_b", "xcustomer1", "customer"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_id_is_not_found_in_a_longer_one(tmp_path: Path, text: str, suffix: str) -> None:
    assert not Sought((USER,)).in_file(written(tmp_path / f"x.{suffix}", text))


def written(path: Path, text: str) -> Path:
    """A text in a file; in Parquet in a list, where its bytes are packed."""
    if path.suffix == ".parquet":
        pl.DataFrame({"told": [[text]]}).write_parquet(path)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_in_bytes_of_other_files_an_id_may_touch_what_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(pickle.dumps([USER], protocol=2))
    assert b"customer1q" in path.read_bytes()  # the pickle's next command
    assert Sought((USER,)).in_file(path)


def test_a_damaged_database_is_searched_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"ncustomer1i" * 100)
    assert Sought((USER,)).in_file(path)


def test_an_id_with_signs_that_mean_something_to_a_search_is_taken_as_it_is(tmp_path: Path) -> None:
    sought = Sought(("a+b (c) \\d@x.com",))
    path = tmp_path / "x.parquet"
    pl.DataFrame({"told": ["aab c 1@x.com"]}).write_parquet(path)
    assert not sought.in_file(path)
    pl.DataFrame({"told": ["a+b (c) \\d@x.com"]}).write_parquet(path)
    assert sought.in_file(path)


def test_other_ids_are_not_hidden() -> None:
    assert Sought((USER,)).hide({"customer1": ["customer10, customer1"]}) == {HIDDEN: [f"customer10, {HIDDEN}"]}


LONGER = ("customer1.b", "web:customer1 Jr")


@pytest.mark.parametrize(("text", "found"), [("of customer1.b, web:customer1 Jr", False), ("customer1.b or customer1", True)])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "bin"])
def test_a_longer_id_of_somebody_else_is_passed_over(tmp_path: Path, text: str, found: bool, suffix: str) -> None:
    path = written(tmp_path / f"x.{suffix}", text)
    assert Sought((USER,), LONGER).in_file(path) == found
    assert Sought((USER,)).in_file(path)


def test_of_a_longer_id_nothing_is_hidden() -> None:
    assert Sought((USER,), LONGER).hide("customer1.b, customer1") == f"customer1.b, {HIDDEN}"


@pytest.mark.parametrize("name", ["Zoë-Müller-1", "quote\"user'1&<b>", "line\nbreak-user", "back\\slash-user", "tab\tuser-99"])
@pytest.mark.parametrize("form", [str, lambda name: str(name.encode())], ids=["text", "bytes"])
def test_an_id_is_found_in_a_refused_row_however_json_wrote_it(tmp_path: Path, name: str, form: Callable[[str], str]) -> None:
    path = tmp_path / "x.parquet"
    for ascii_only in (True, False):
        pl.DataFrame({"reason": ["value"], "content": [json.dumps({"user_id": form(name)}, ensure_ascii=ascii_only)]}).write_parquet(path)
        assert Sought((name,)).in_file(path)

from pathlib import Path

import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.layout import TableReader
from feature_store.quarantine import REFUSED_ROWS
from feature_store.schema import CATALOGUE
from pipelines.stages.ingest_catalogue import STAGE
from tests.support.stages import run_stage


def drop(root: Path, name: str, text: str) -> Path:
    path = root / "landing" / "catalogue" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def titles(reader: TableReader) -> list[tuple[str, str | None]]:
    return reader.scan(CATALOGUE).collect().select("item_id", "title").rows()


def test_of_several_files_the_later_name_wins(tmp_path: Path) -> None:
    drop(tmp_path, "2024-02.csv", "item_id,title\na,February\n")
    drop(tmp_path, "2024-01.csv", "item_id,title\nb,B\na,January\n")
    reader = run_stage(STAGE, tmp_path)
    assert titles(reader) == [("b", "B"), ("a", "February")]
    assert {name: reader.manifest.facts[name] for name in ("rows", "new", "changed", "quarantined")} == {
        "rows": 2,
        "new": 2,
        "changed": 0,
        "quarantined": 0,
    }


def test_items_keep_their_row_through_nights_and_are_never_dropped(tmp_path: Path) -> None:
    first = drop(tmp_path, "1.csv", "item_id,title\nb,B\na,A\n")
    run_stage(STAGE, tmp_path)
    first.write_text("item_id,title\na,A2\nc,C\n")
    reader = run_stage(STAGE, tmp_path)
    assert titles(reader) == [("b", "B"), ("a", "A2"), ("c", "C")]
    assert (reader.manifest.facts["new"], reader.manifest.facts["changed"]) == (1, 1)


def test_a_file_put_back_to_its_old_state_counts(tmp_path: Path) -> None:
    for title in ("old", "new", "old"):
        drop(tmp_path, "1.csv", f"item_id,title\na,{title}\n")
        reader = run_stage(STAGE, tmp_path)
    assert titles(reader) == [("a", "old")]


def test_a_second_night_with_nothing_new_leaves_the_same_contents(tmp_path: Path) -> None:
    drop(tmp_path, "1.jsonl", '{"item_id": 7, "category": ["x", "y"], "attributes": {"colour": "red"}}\n')
    first, second = run_stage(STAGE, tmp_path), run_stage(STAGE, tmp_path)
    assert first.manifest.content_digest == second.manifest.content_digest
    row = second.scan(CATALOGUE).collect().row(0, named=True)
    assert (row["item_id"], row["category"], row["attributes"]) == ("7", ["x", "y"], [{"name": "colour", "value": "red"}])


def test_rows_that_break_a_rule_lie_in_quarantine_with_file_and_reason(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", "item_id,price,in_stock,available_from\na,1.5,yes,\nb,-1,no,\nc,1,maybe,\nd,1,,2024-01-01\n,1,,\n")
    reader = run_stage(STAGE, tmp_path)
    assert [item for item, _ in titles(reader)] == ["a"]
    found = reader.scan(REFUSED_ROWS, prefix="quarantine/").collect()
    assert found.select("source", "row", "reason").rows() == [
        ("landing/catalogue/1.csv", 1, "price: at least 0 and finite"),
        ("landing/catalogue/1.csv", 2, "in_stock: maybe is not true or false"),
        ("landing/catalogue/1.csv", 3, "available_from: 2024-01-01 is not an ISO time with a zone"),
        ("landing/catalogue/1.csv", 4, "item_id: not null"),
    ]
    assert reader.manifest.facts["quarantined"] == 4


def test_a_file_cut_in_half_does_not_stop_the_others(tmp_path: Path) -> None:
    path = drop(tmp_path, "1.parquet", "")
    pl.DataFrame({"item_id": ["a"]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:40])
    drop(tmp_path, "2.csv", "item_id\nb\n")
    reader = run_stage(STAGE, tmp_path)
    assert titles(reader) == [("b", None)]
    assert list(reader.manifest.facts["unreadable"]) == ["landing/catalogue/1.parquet"]


def test_of_two_copies_of_a_broken_file_each_row_is_refused_once(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        drop(tmp_path, name, "item_id,price\na,1\nb,-1\n")
    assert run_stage(STAGE, tmp_path).manifest.facts["quarantined"] == 1


def test_ids_may_hold_spaces_any_script_and_ten_kilobytes(tmp_path: Path) -> None:
    ids = ["a b", "商品 1", "x" * 10_240]
    drop(tmp_path, "1.csv", "item_id\n" + "\n".join(ids) + "\n")
    assert [item for item, _ in titles(run_stage(STAGE, tmp_path))] == ids


def test_an_empty_landing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"ingest_catalogue: there is no file in landing/catalogue .* Fill it with `vitrine import`"):
        run_stage(STAGE, tmp_path)


def test_landing_folders_may_lie_elsewhere(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "1.csv").write_text("item_id\na\n")
    assert titles(run_stage(STAGE, tmp_path / "shop", sources={"catalogue": [str(feed)]})) == [("a", None)]

from pathlib import Path

from feature_store.catalogue import conform_catalogue
from feature_store.intake import take_in
from feature_store.landing import list_landing
from feature_store.schema import CATALOGUE
from feature_store.times import TimeRule


def test_files_are_taken_in_one_after_another_and_each_outcome_is_told(tmp_path: Path) -> None:
    contents = {"1.csv": "item_id,price\nb,1\na,-1\n", "2.csv": "", "3.csv": "sku\nx\n", "4.csv": "item_id\na\n"}
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    files = list_landing([tmp_path], root=tmp_path)
    intake = take_in(files, CATALOGUE, lambda raw, _file: conform_catalogue(raw, TimeRule()))
    assert intake.rows["item_id"].to_list() == ["b", "a"]
    assert intake.refused.select("source", "source_digest", "row").rows() == [("1.csv", files[0].digest, 1)]
    assert list(intake.sources.values()) == [{"file": "1.csv", "rows": 2, "quarantined": 1}, {"file": "4.csv", "rows": 1, "quarantined": 0}]
    assert intake.unreadable.keys() == {"2.csv", "3.csv"}
    assert intake.unreadable["3.csv"].startswith("has no column item_id; it has sku.")


def test_no_files_are_no_rows() -> None:
    intake = take_in([], CATALOGUE, lambda raw, _file: conform_catalogue(raw, TimeRule()))
    assert intake.rows.equals(CATALOGUE.empty())
    assert intake.refused.is_empty()

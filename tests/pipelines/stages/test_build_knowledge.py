from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.errors import LandingError
from feature_store.layout import TableReader
from feature_store.quarantine import read_refused
from feature_store.schema import KNOWLEDGE
from pipelines.stages import build_knowledge, ingest_catalogue
from tests.support.stages import context_of, run_stage

GRAPES = {"w1": "Malbec", "w2": "Malbec, Merlot", "w3": None}


def build(root: Path, **knowledge: Any) -> TableReader:
    (root / "landing" / "catalogue").mkdir(parents=True, exist_ok=True)
    wines = pl.DataFrame({"item_id": list(GRAPES), "attribute.grapes": list(GRAPES.values())})
    wines.write_parquet(root / "landing" / "catalogue" / "wines.parquet")
    run_stage(ingest_catalogue.STAGE, root)
    return run_stage(build_knowledge.STAGE, root, knowledge=knowledge)


def rows(table: TableReader) -> list[tuple[Any, ...]]:
    return table.scan(KNOWLEDGE).collect().rows()


def test_without_a_word_in_the_config_nothing_is_known(tmp_path: Path) -> None:
    assert rows(build(tmp_path)) == []


def test_attributes_files_and_links_come_together_and_rare_entities_are_counted(tmp_path: Path) -> None:
    told = {"item_id": ["w1", "w3", "gone"], "relation": "maker", "entity": ["Norton", "Norton", "Norton"]}
    pl.DataFrame(told).write_parquet(tmp_path / "makers.parquet")
    pl.DataFrame({"entity": ["Norton"], "relation": ["country"], "other": ["Argentina"]}).write_parquet(tmp_path / "links.parquet")
    table = build(tmp_path, from_attributes=["grapes"], file="makers.parquet", links="links.parquet")
    assert rows(table) == [
        ("w1", "grapes", "Malbec"),
        ("w1", "maker", "Norton"),
        ("w1", "maker/country", "Argentina"),
        ("w2", "grapes", "Malbec"),
        ("w3", "maker", "Norton"),
        ("w3", "maker/country", "Argentina"),
    ]
    assert table.manifest.facts["relations"]["grapes"] == {"entities": 1, "rare": 1, "items": 2}
    assert table.manifest.facts["unknown_items"] == 1


def test_a_row_without_an_entity_lies_in_quarantine(tmp_path: Path) -> None:
    pl.DataFrame({"item_id": ["w1", "w2"], "relation": "maker", "entity": ["Norton", None]}).write_parquet(tmp_path / "makers.parquet")
    refused = read_refused(build(tmp_path, file="makers.parquet", min_items=1))
    assert refused["reason"].to_list() == ["entity: not null"]


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"there is no file in nowhere\.parquet"):
        build(tmp_path, file="nowhere.parquet")


def test_another_file_changes_the_fingerprint(tmp_path: Path) -> None:
    build(tmp_path)
    found = []
    for maker in ("Norton", "Zuccardi"):
        pl.DataFrame({"item_id": ["w1"], "relation": "maker", "entity": maker}).write_parquet(tmp_path / "makers.parquet")
        found.append(context_of(build_knowledge.STAGE, tmp_path, knowledge={"file": "makers.parquet"}).fingerprint)
    assert found[0] != found[1]

from pathlib import Path

import pytest

from feature_store.layout import TableReader
from pipelines.nightly import end_of_log, run_stage
from pipelines.stages.train_retriever import STAGE
from recsys.data.shared_rows import hashed_rows
from recsys.models.retriever import load_retriever
from tests.support.taste_shop import Watched, taste_shop
from tests.support.taste_world import taste_items


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TableReader:
    """An ensemble of two in fp16, whose items share ten rows."""
    config = taste_shop(tmp_path_factory.mktemp("shop"), ensemble=2, epochs=2, precision="fp16", id_rows=10)
    workspace = config.open_workspace()
    run_stage(STAGE, config, workspace, end_of_log(workspace), Watched(), forced=False)
    return workspace.read("retriever")


def test_each_member_of_an_ensemble_is_trained_to_each_cut_for_as_many_epochs_as_it_has_chosen(table: TableReader) -> None:
    epochs = table.manifest.facts["epochs"]
    assert len(epochs) == 2
    for cut in ("ranker", "released"):
        saved = load_retriever(table.folder / cut)
        assert [len(member["history"]) for member in saved.training["members"]] == epochs
        assert len(saved.model.members) == 2


def test_the_facts_account_for_steps_that_were_skipped_and_items_that_share_a_row(table: TableReader) -> None:
    facts, cuts = table.manifest.facts, {"validation", "ranker", "released"}
    assert facts["skipped_steps"].keys() == facts["id_collisions"].keys() == cuts
    found = facts["id_collisions"]["released"]
    assert found["rows"] == 10
    assert 10 < found["items"] <= len(taste_items())
    assert found["sharing"] <= found["items"] < found["sharing"] + 10


def test_a_saved_member_knows_which_row_each_item_reads(table: TableReader) -> None:
    rows = hashed_rows(taste_items().vocabulary.item_ids, rows=10).tolist()
    for member in load_retriever(table.folder / "released").model.members:
        assert member.item_tower.id_row is not None
        assert member.item_tower.id_row.tolist() == rows


def test_what_is_asked_for_in_vain_is_said(tmp_path: Path) -> None:
    config = taste_shop(
        tmp_path, epochs=1, modalities=(), alignment={"contrastive": 0.1}, min_item_events=10**6, order="free", next_events=3
    )
    workspace, progress = config.open_workspace(), Watched()
    run_stage(STAGE, config, workspace, end_of_log(workspace), progress, forced=False)
    told = "\n".join(progress.lines)
    assert r"encoded and not read: text; \[retriever] modalities names none" in told
    assert r"\[retriever] next_events does nothing: with order free" in told
    assert "items that people met have fewer than 1,000,000 events and are known by content alone" in told
    assert r"\[retriever] alignment does nothing: vectors that are read are none" in told

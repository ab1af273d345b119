"""The audit in the night: its table, its gate and its command."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import pipelines.stages.build_snapshot
from feature_store.schema import EXAMPLES
from feature_store.splits import Cuts
from pipelines.audit.gate import leak_gate
from pipelines.audit.stage import WITH_TIMES
from pipelines.audit.windows import check_windows
from pipelines.cli import app
from pipelines.commands.terminal import REFUSED_BY_GATE
from pipelines.nightly import end_of_log
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from recsys.data.interactions import Interactions, build_interactions
from tests.support.audited_shop import SETTINGS, audited_shop
from tests.support.behaviour import day
from tests.support.stages import run_stage


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    date = end_of_log(audited_shop(tmp_path).open_workspace())
    for stage in WITH_TIMES:
        run_stage(stage, tmp_path, date=date, **SETTINGS)
    return tmp_path


def audit(shop: Path) -> tuple[int, str]:
    config = shop / "shop.toml"
    config.write_text(f'workspace = "{shop}"\n[retriever]\nmodalities = ["text", "category"]\n', encoding="utf-8")
    answer = CliRunner().invoke(app, ["audit", "leak", "--config", str(config)])
    return answer.exit_code, answer.stdout


def test_the_command_shows_every_answer_and_writes_them_down(shop: Path) -> None:
    code, shown = audit(shop)
    assert code == 0, shown
    assert "LEAK" not in shown
    answers = json.loads((shop / "reports" / "leak_audit.json").read_text(encoding="utf-8"))["answers"]
    assert {"table snapshot", "interactions", "train_retriever"} <= {answer["probe"] for answer in answers}
    assert all(answer["seconds"] >= 0 for answer in answers)


def test_a_leak_ends_the_command_with_the_gates_code_and_says_who_saw_what(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(*args: Any, known_before: datetime, **given: Any) -> Interactions:
        return build_interactions(*args, known_before=known_before.replace(year=known_before.year + 1), **given)

    monkeypatch.setattr(pipelines.stages.build_snapshot, "build_interactions", too_late)
    code, shown = audit(shop)
    assert code == REFUSED_BY_GATE
    assert "LEAK build_snapshot saw what nobody could know at date: part-0000.parquet: " in shown


def test_times_behind_the_declared_window_are_found_in_the_tables_of_the_night(shop: Path) -> None:
    examples = run_stage(BUILD_EXAMPLES, shop, date=end_of_log(audited_shop(shop).open_workspace()), **SETTINGS)
    asked = examples.scan(EXAMPLES).select(pl.col("predicted_at").max()).collect().item()
    (kept,) = check_windows(BUILD_EXAMPLES, examples, Cuts(ranker=day(0), validation=day(100), test=day(101), date=day(102)))
    (broken,) = check_windows(BUILD_EXAMPLES, examples, Cuts(ranker=day(0), validation=asked, test=day(101), date=day(102)))
    assert kept.leak == ""
    assert str(broken).startswith("table examples saw what nobody could know at validation")
    assert f"predicted_at holds {asked:%Y-%m-%d %H:%M:%S}" in broken.leak


def test_the_gate_refuses_by_name_and_says_what_leaked_or_could_not_be_asked() -> None:
    refused = leak_gate({"rows": 40, "leaks": ["popularity at validation"], "unasked": []})
    passed = leak_gate({"rows": 40, "leaks": [], "unasked": ["train_ranker"]})
    assert (refused.name, refused.passed, refused.found) == ("leak_audit", False, 1.0)
    assert refused.message.startswith("1 of 40 answers are leaks; popularity at validation saw what nobody could know by then")
    assert passed.passed
    assert passed.message == "0 of 40 answers are leaks; could not be asked of a small copy of this shop: train_ranker"

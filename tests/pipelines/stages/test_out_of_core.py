"""The stages that read the whole log make the same bytes of it, whatever memory they are given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.parts import parts_of
from pipelines.stage import Stage
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.compute_item_features import STAGE as COMPUTE_ITEM_FEATURES
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from tests.support.behaviour import day
from tests.support.log_in_files import write_log_in_files
from tests.support.stages import run_stage


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[pl.LazyFrame]:
    """Filled with the parts that a stage works on, each of few rows."""
    found: list[pl.LazyFrame] = []

    def counted(*args: Any, **given: Any) -> Iterator[pl.LazyFrame]:
        for part in parts_of(*args, **given | {"row_bytes": 10_000}):
            found.append(part)
            yield part

    monkeypatch.setattr("pipelines.scale.made_parts.parts_of", counted)
    return found


@pytest.mark.parametrize(
    "stage", [COMPUTE_USER_FEATURES, COMPUTE_ITEM_FEATURES, BUILD_EXAMPLES, BUILD_SNAPSHOT], ids=lambda stage: stage.name
)
def test_a_tiny_limit_changes_no_byte(stage: Stage, tmp_path: Path, parts: list[pl.LazyFrame]) -> None:
    whole = run_stage(stage, write_log_in_files(tmp_path / "whole").root, features={"memory_mib": 1024}).manifest
    parts.clear()
    tiny = run_stage(stage, write_log_in_files(tmp_path / "tiny").root, features={"memory_mib": 1}).manifest
    assert len(parts) > 1
    assert tiny.content_digest == whole.content_digest
    assert tiny.fingerprint == whole.fingerprint


def test_a_tiny_limit_changes_no_byte_where_days_are_carried_over(tmp_path: Path, parts: list[pl.LazyFrame]) -> None:
    whole = run_stage(COMPUTE_ITEM_FEATURES, write_log_in_files(tmp_path / "whole").root).manifest
    write_log_in_files(tmp_path / "tiny")
    run_stage(COMPUTE_ITEM_FEATURES, tmp_path / "tiny", date=day(95.5))
    parts.clear()
    tiny = run_stage(COMPUTE_ITEM_FEATURES, tmp_path / "tiny", features={"memory_mib": 1}).manifest
    assert len(parts) > 1
    assert tiny.facts["days"]["kept"] > 0
    assert tiny.content_digest == whole.content_digest

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
from tests.support.log_in_files import write_log_in_files
from tests.support.stages import run_stage


@pytest.mark.parametrize(
    "stage", [COMPUTE_USER_FEATURES, COMPUTE_ITEM_FEATURES, BUILD_EXAMPLES, BUILD_SNAPSHOT], ids=lambda stage: stage.name
)
def test_a_tiny_limit_changes_no_byte(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log_in_files(tmp_path)
    whole = run_stage(stage, tmp_path, features={"memory_mib": 1024}).manifest
    parts: list[pl.LazyFrame] = []

    def counted(*args: Any, **given: Any) -> Iterator[pl.LazyFrame]:
        for part in parts_of(*args, **given | {"row_bytes": 10_000}):
            parts.append(part)
            yield part

    monkeypatch.setattr("pipelines.scale.made_parts.parts_of", counted)
    tiny = run_stage(stage, tmp_path, features={"memory_mib": 1}).manifest
    assert len(parts) > 1
    assert tiny.content_digest == whole.content_digest
    assert tiny.fingerprint == whole.fingerprint

"""The stages that read the whole log make the same bytes of it, whatever memory they are given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.parts import parts_of
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from pipelines.stage import Stage
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from pipelines.stages.compute_item_features import STAGE as COMPUTE_ITEM_FEATURES
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from tests.support.behaviour import items_of, random_interactions
from tests.support.stages import run_stage
from tests.support.tables import write_tables


@pytest.mark.parametrize("stage", [COMPUTE_USER_FEATURES, COMPUTE_ITEM_FEATURES, BUILD_EXAMPLES], ids=lambda stage: stage.name)
def test_a_tiny_limit_changes_no_byte(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = random_interactions(0, num_users=60, num_items=40, num_events=4000)
    workspace = write_tables(tmp_path, log, items_of(40))
    in_order = workspace.read("events").scan(EVENTS).sort("event_time", maintain_order=True).collect()
    facts = workspace.read("events").manifest.facts
    with workspace.write("events") as writer:
        for place, part in enumerate(in_order.iter_slices(1000)):
            writer.write(part, EVENTS, file=f"event_month=2025-01/part-{place:05d}.parquet")
        writer.commit(facts=facts)
    reviews = in_order.filter(pl.int_range(pl.len()) % 7 == 0).select("event_id", "item_id", "event_time", "known_at")
    with workspace.write("review_sentiment") as writer:
        writer.write(reviews.with_columns(sentiment=pl.lit(0.5), likely_stars=pl.lit(4, pl.Int8)), REVIEW_SENTIMENT)
        writer.commit()
    whole = run_stage(stage, tmp_path, features={"memory_mib": 1024}).manifest
    parts: list[pl.LazyFrame] = []

    def counted(*args: Any, **given: Any) -> Iterator[pl.LazyFrame]:
        for part in parts_of(*args, **given | {"row_bytes": 10_000}):
            parts.append(part)
            yield part

    monkeypatch.setattr(f"{stage.run.__module__}.parts_of", counted)
    tiny = run_stage(stage, tmp_path, features={"memory_mib": 1}).manifest
    assert len(parts) > 1
    assert tiny.content_digest == whole.content_digest
    assert tiny.fingerprint == whole.fingerprint

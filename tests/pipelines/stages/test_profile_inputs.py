import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import item_embeddings
from pipelines.nightly import end_of_log
from pipelines.stage import is_current
from pipelines.stages.ingest_catalogue import STAGE as INGEST_CATALOGUE
from pipelines.stages.ingest_events import STAGE as INGEST_EVENTS
from pipelines.stages.profile_inputs import PAGE, STAGE, InputChangedError
from tests.support.stages import context_of, run_stage
from tests.support.tiny_shop import draw_tiny_shop

LIMITS = {"catalogue": {"warn": 0.1, "stop": 0.5}}
LOST = "items with image vector: 90.0% before, 30.0% now (catalogue 0.60)"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    draw_tiny_shop(tmp_path)
    for stage in (INGEST_CATALOGUE, INGEST_EVENTS):
        run_stage(stage, tmp_path)
    embedded(Workspace(tmp_path), with_photo=0.9)
    return Workspace(tmp_path)


def embedded(workspace: Workspace, *, with_photo: float) -> None:
    """Vectors for a share of the items."""
    items = workspace.read("catalogue").manifest.facts["rows"]
    rows = pl.DataFrame({"item_id": [str(item) for item in range(items)]}).with_columns(
        modality=pl.lit("image"),
        encoder_version=pl.lit("1"),
        content_digest=pl.col("item_id"),
        presence=pl.int_range(pl.len()) < with_photo * items,
        vector=pl.lit(None, pl.Array(pl.Float32, 2)),
    )
    with workspace.write("item_embeddings") as writer:
        writer.write(rows, item_embeddings(2), file="modality=image/part-0000.parquet")
        writer.commit(facts={"dims": {"image": 2}})


def profile(workspace: Workspace, **settings: Any) -> TableReader:
    return run_stage(STAGE, workspace.root, date=end_of_log(workspace), profile=settings)


def report(table: TableReader) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(table.path("profile.json").read_text(encoding="utf-8"))
    return found


def test_a_catalogue_that_lost_its_photos_overnight_is_told_once(shop: Workspace) -> None:
    assert profile(shop).manifest.facts["warnings"] == []
    embedded(shop, with_photo=0.3)
    assert profile(shop).manifest.facts["warnings"] == [LOST]
    assert profile(shop).manifest.facts["warnings"] == []  # it was told, and is now what there is


def test_a_limit_that_stops_ends_the_night_each_time_until_the_input_is_mended(shop: Workspace) -> None:
    profile(shop)
    embedded(shop, with_photo=0.3)
    for _ in range(2):
        with pytest.raises(InputChangedError, match=r"items with image vector: 90.0% before, 30.0% now .*mend the source"):
            profile(shop, **LIMITS)
        context = context_of(STAGE, shop.root, date=end_of_log(shop), profile=LIMITS)
        assert not is_current(STAGE, shop, context.config, context.date)
    embedded(shop, with_photo=0.9)
    assert profile(shop, **LIMITS).manifest.facts["stops"] == []


def test_what_is_not_known_yet_is_not_looked_at(shop: Workspace) -> None:
    whole = report(profile(shop))["daily"]
    early = run_stage(STAGE, shop.root, date=end_of_log(shop).replace(hour=0, minute=0, second=0, microsecond=0))
    last = max(whole["click"])
    assert last not in report(early)["daily"]["click"]


def test_the_page_shows_days_levels_and_everything_that_was_compared(shop: Workspace) -> None:
    table = profile(shop)
    page = (shop.reports / PAGE).read_text(encoding="utf-8")
    several = [levels for levels in report(table)["shares"].values() if len(levels) > 1]
    assert page.count("<svg") == 1 + len(several)
    assert all(measure["what"] in page for measure in report(table)["measures"])
    ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])


def test_the_same_input_is_profiled_to_the_same_bytes(shop: Workspace) -> None:
    profile(shop)
    assert profile(shop).manifest.content_digest == profile(shop).manifest.content_digest

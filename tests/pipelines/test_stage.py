from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from feature_store.schema import Column, Table
from pipelines.config import Config, parse_config
from pipelines.progress import Progress
from pipelines.stage import Stage, StageContext, fingerprint, is_current

NIGHT, NEXT_NIGHT = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
NUMBERS = Table("numbers", 1, ("number",), (Column(name="number", dtype=pl.Int64, meaning="any"),))


def _write(context: StageContext) -> None:
    with context.workspace.write(context.stage.writes) as writer:
        writer.write(pl.DataFrame({"number": [1]}), NUMBERS)
        context.commit(writer, facts={"rows": 1})


def _copy(context: StageContext) -> None:
    rows = context.read("numbers").scan(NUMBERS).collect()
    with context.workspace.write(context.stage.writes) as writer:
        writer.write(rows, NUMBERS)
        context.commit(writer, facts={"rows": rows.height})


FIRST = Stage(name="first", reads=(), writes="numbers", config=("relevance",), dated=False, run=_write)
SECOND = Stage(name="second", reads=("numbers",), writes="copies", run=_copy)


def _config(root: Path, **sections: object) -> Config:
    return parse_config({"workspace": str(root), **sections})


def _context(stage: Stage, config: Config, date: datetime = NIGHT) -> StageContext:
    return StageContext(workspace=config.open_workspace(), config=config, date=date, progress=Progress(), stage=stage)


def test_a_stage_is_current_once_it_has_run_and_not_before(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert not is_current(FIRST, config.open_workspace(), config, NIGHT)
    FIRST.run(_context(FIRST, config))
    assert is_current(FIRST, config.open_workspace(), config, NIGHT)


def test_a_section_of_the_config_that_the_stage_reads_makes_it_stale_and_another_does_not(tmp_path: Path) -> None:
    config = _config(tmp_path)
    FIRST.run(_context(FIRST, config))
    other = _config(tmp_path, retriever={"epochs": 1})
    mine = _config(tmp_path, relevance={"positive_rating": 3})
    assert is_current(FIRST, config.open_workspace(), other, NIGHT)
    assert not is_current(FIRST, config.open_workspace(), mine, NIGHT)


def test_where_a_stage_runs_does_not_make_it_stale(tmp_path: Path) -> None:
    config = _config(tmp_path)
    stage = replace(FIRST, config=("embed",))
    stage.run(_context(stage, config))
    there = _config(tmp_path, embed={"engine": "daft", "ray_address": "auto", "workers": 8, "gpus_per_worker": 0.5})
    assert is_current(stage, config.open_workspace(), there, NIGHT)


def test_the_date_matters_to_a_dated_stage_alone(tmp_path: Path) -> None:
    config = _config(tmp_path)
    for stage in (FIRST, SECOND):
        stage.run(_context(stage, config))
    assert is_current(FIRST, config.open_workspace(), config, NEXT_NIGHT)
    assert is_current(SECOND, config.open_workspace(), config, NIGHT)
    assert not is_current(SECOND, config.open_workspace(), config, NEXT_NIGHT)


def test_inputs_of_other_contents_make_a_stage_stale_and_a_rerun_with_the_same_contents_does_not(tmp_path: Path) -> None:
    config = _config(tmp_path)
    for stage in (FIRST, SECOND, FIRST):
        stage.run(_context(stage, config))
    assert is_current(SECOND, config.open_workspace(), config, NIGHT)
    with config.open_workspace().write("numbers") as writer:
        writer.write(pl.DataFrame({"number": [2]}), NUMBERS)
        writer.commit()
    assert not is_current(SECOND, config.open_workspace(), config, NIGHT)


def test_a_lost_file_makes_a_stage_stale(tmp_path: Path) -> None:
    config = _config(tmp_path)
    FIRST.run(_context(FIRST, config))
    config.open_workspace().read("numbers").path("part-0000.parquet").unlink()
    assert not is_current(FIRST, config.open_workspace(), config, NIGHT)


def test_reading_what_was_not_declared_is_refused(tmp_path: Path) -> None:
    config = _config(tmp_path)
    with pytest.raises(KeyError, match="without declaring it"):
        _context(FIRST, config).read("copies")


def test_the_code_a_stage_reaches_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    from pipelines.stages.build_index import STAGE as BUILD_INDEX
    from pipelines.stages.ingest_catalogue import STAGE as INGEST

    config = _config(tmp_path)
    workspace = config.open_workspace()
    assert fingerprint(INGEST, workspace, config, NIGHT) != fingerprint(FIRST, workspace, config, NIGHT)
    assert "recsys.retrieval.exact" in _reached(BUILD_INDEX)
    assert "recsys.retrieval.exact" not in _reached(INGEST)


def _reached(stage: Stage) -> set[str]:
    from pipelines.stage import reached_modules

    return reached_modules(stage.run.__module__)

"""What a night does around its stages; the stages themselves are tested beside this file and end to end."""

import errno
import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from feature_store.errors import FullDiskError
from pipelines.config import Config, parse_config
from pipelines.lock import BusyError
from pipelines.nightly import STAGES, StageResult, UnknownStageError, run_night, run_stage, run_until
from pipelines.progress import Progress
from pipelines.scale.workers import EngineError
from pipelines.stage import Stage, StageContext
from tests.support.small_night import small_config
from tests.support.tiny_shop import TINY, draw_tiny_shop

DATE = datetime(2026, 4, 1, tzinfo=UTC)


def _config(root: Path) -> Config:
    return parse_config({"workspace": str(root)})


def _quiet() -> Progress:
    return Progress(Console(quiet=True))


def _writes_one_file(context: StageContext) -> None:
    with context.workspace.write("thing") as writer:
        (writer.folder / "thing.txt").write_text("made\n", encoding="utf-8")
        context.commit(writer, facts={"rows": 1})


def _starts_a_second_night(context: StageContext) -> None:
    run_night(context.config, date=DATE, progress=context.progress, stages=[])


def _stage(run: Any) -> Stage:
    return Stage(name="thing", reads=(), writes="thing", run=run)


def test_a_second_night_in_the_same_workspace_is_refused_and_told_whose_process_the_first_is(tmp_path: Path) -> None:
    with pytest.raises(BusyError, match=r'another night works in .*"pid": \d+.*Wait for it'):
        run_night(_config(tmp_path), date=DATE, progress=_quiet(), stages=[_stage(_starts_a_second_night)])


def test_a_night_that_failed_does_not_keep_the_workspace(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(BusyError):  # raised by the inner night; the outer one is let in both times
            run_night(_config(tmp_path), date=DATE, progress=_quiet(), stages=[_stage(_starts_a_second_night)])


def test_an_unknown_stage_to_start_from_is_refused_with_those_there_are_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownStageError, match=r"no stage 'train_retreiver'.*embed_items, .*train_retriever"):
        run_night(_config(tmp_path / "shop"), progress=_quiet(), start_from="train_retreiver")
    assert not (tmp_path / "shop").exists()


def test_a_night_stops_behind_the_stage_that_is_named(tmp_path: Path) -> None:
    items = tmp_path / "landing" / "catalogue" / "items.csv"
    items.parent.mkdir(parents=True)
    items.write_text("item_id\nmug\n", encoding="utf-8")
    results = run_until(_config(tmp_path), "ingest_catalogue", progress=_quiet())
    assert [(result.name, result.facts["rows"]) for result in results] == [("check_parity", 0), ("ingest_catalogue", 1)]
    assert not _config(tmp_path).open_workspace().exists("events")


def test_an_unknown_stage_to_stop_behind_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnknownStageError, match=r"no stage 'embed'; the stages are .*embed_items"):
        run_until(_config(tmp_path / "shop"), "embed", progress=_quiet())
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("run", [run_night, partial(run_until, until="embed_items")], ids=["all", "a part"])
def test_an_engine_that_is_not_installed_is_told_before_anything_is_made(
    run: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    config = parse_config({"workspace": str(tmp_path / "shop"), "features": {"engine": "daft", "ray_address": "local"}})
    with pytest.raises(EngineError, match=r'\[features\] engine = "daft" needs the package ray, which is not installed\. Run `pip install'):
        run(config, progress=_quiet())
    assert not (tmp_path / "shop").exists()


def test_a_stage_that_is_up_to_date_is_skipped_unless_it_is_forced(tmp_path: Path) -> None:
    config, stage = _config(tmp_path), _stage(_writes_one_file)
    skipped = [run_stage(stage, config, config.open_workspace(), DATE, _quiet(), forced=forced).skipped for forced in (False, False, True)]
    assert skipped == [False, True, False]


def _fills_the_disk(_context: StageContext) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_ends_the_night_in_one_line_whichever_stage_wrote(tmp_path: Path) -> None:
    with pytest.raises(FullDiskError, match=r"no room to write in .* make room and run the same command again"):
        run_night(_config(tmp_path), date=DATE, progress=_quiet(), stages=[_stage(_fills_the_disk)])


def _tells(context: StageContext) -> None:
    with context.workspace.write("thing") as writer:
        context.commit(writer, facts={"rows": 1, "told": ["colour [red]: accuracy 0.9"]})


def test_what_a_stage_tells_stands_under_its_line_in_an_unchanged_night_too(tmp_path: Path) -> None:
    config, console = _config(tmp_path), Console(width=200, record=True, quiet=False, file=io.StringIO())
    for _ in range(2):
        run_stage(_stage(_tells), config, config.open_workspace(), DATE, Progress(console), forced=False)
    assert console.export_text().count("      colour [red]: accuracy 0.9\n") == 2


def _carries_days_over(context: StageContext) -> None:
    with context.workspace.write("thing") as writer:
        context.commit(writer, facts={"rows": 1, "days": {"made": 2, "kept": 1200}})


def test_the_line_of_a_stage_says_how_many_days_it_has_made_and_an_unchanged_one_has_made_none(tmp_path: Path) -> None:
    config, console = _config(tmp_path), Console(width=200, record=True, quiet=False, file=io.StringIO())
    for _ in range(2):
        run_stage(_stage(_carries_days_over), config, config.open_workspace(), DATE, Progress(console), forced=False)
    assert console.export_text().count("1 rows, 2 days made, 1,200 kept") == 1


@pytest.mark.slow
def test_a_changed_title_encodes_one_text_and_no_photo_anew(tmp_path: Path) -> None:
    landing = draw_tiny_shop(tmp_path)
    first = _until_embedded(tmp_path)
    assert first.facts["encoded"]["text"] == TINY.num_items
    drawn = next(landing.catalogue.glob("*.parquet"))
    row = pl.read_parquet(drawn).head(1).with_columns(title=pl.lit("A title nobody has read before"))
    row.write_parquet(landing.catalogue / "0002-changed.parquet")
    second = _until_embedded(tmp_path)
    assert second.facts["encoded"] == {"image": 0, "text": 1, "description": 0}
    assert second.facts["kept"] == {**first.facts["encoded"], "text": TINY.num_items - 1}


def _until_embedded(root: Path) -> StageResult:
    """The night up to `embed_items`, whose result it is."""
    config = small_config(root)
    names = [stage.name for stage in STAGES]
    stages = STAGES[: names.index("embed_items") + 1]
    return [run_stage(stage, config, config.open_workspace(), DATE, _quiet(), forced=False) for stage in stages][-1]

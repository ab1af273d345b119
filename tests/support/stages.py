"""A stage run on its own in a workspace, as the night would run it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feature_store.layout import TableReader
from pipelines.config import parse_config
from pipelines.progress import Progress
from pipelines.stage import Stage, StageContext, clear_scratch

NIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def context_of(stage: Stage, root: Path, *, date: datetime = NIGHT, **sections: Any) -> StageContext:
    """What a night in this workspace hands to the stage; `sections` of the config as in TOML."""
    config = parse_config({"workspace": str(root), **sections})
    return StageContext(workspace=config.open_workspace(), config=config, date=date, progress=Progress(), stage=stage)


def run_stage(stage: Stage, root: Path, *, date: datetime = NIGHT, **sections: Any) -> TableReader:
    """Run the stage and read what it wrote."""
    context = context_of(stage, root, date=date, **sections)
    stage.run(context)
    clear_scratch(stage, context.workspace)
    return context.workspace.read(stage.writes)

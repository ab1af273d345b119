"""Reports on demand: the night's own on validation, and the one on the test window, each look at which is recorded."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.config import Config, ConfigError
from pipelines.lock import alone
from pipelines.nightly import end_of_log, run_stage
from pipelines.progress import Progress
from pipelines.stages.judge_test import STAGE as JUDGE_TEST

PHASES = ("validation", "test")
RECORD = "test_looks.jsonl"


def evaluate_phase(config: Config, *, phase: str, progress: Progress) -> tuple[dict[str, Any], Path]:
    """The report of a phase and where its page lies; `test` trains and judges if that has not been done for this night.

    Raises:
        BusyError: A night, or an erasure, is at work here.
        ConfigError: There is no such phase.
        MissingTableError: No night has run yet.
    """
    if phase not in PHASES:
        raise ConfigError(f"there is no phase {phase!r}; it is {' or '.join(PHASES)}")
    workspace = config.open_workspace()
    if phase == "test":
        with alone(workspace.root / "night.lock", work="night"):
            result = run_stage(JUDGE_TEST, config, workspace, end_of_log(workspace), progress, forced=False)
        workspace.reports.mkdir(parents=True, exist_ok=True)
        look = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "judged_anew": not result.skipped}
        with (workspace.reports / RECORD).open("a", encoding="utf-8") as record:
            record.write(json.dumps(look) + "\n")
    table = workspace.read("evaluation" if phase == "validation" else JUDGE_TEST.writes)
    report: dict[str, Any] = json.loads(table.path("report.json").read_text(encoding="utf-8"))
    return report, table.path("report.html")

"""The leak audit by itself: asked again as of the cuts of the last night, whatever has changed since."""

import json
from datetime import datetime
from typing import Any

from pipelines.audit.stage import REPORT
from pipelines.audit.stage import STAGE as AUDIT_LEAKS
from pipelines.config import Config
from pipelines.judging import write_json
from pipelines.lock import alone
from pipelines.nightly import run_stage
from pipelines.progress import Progress


def run_audit(config: Config, *, progress: Progress) -> list[dict[str, Any]]:
    """Every answer as in `leak_audit/report.json`, with the seconds it took; also written to reports/leak_audit.json.

    Raises:
        BusyError: A night, whose table and scratch folder it would change, is at work here.
        MissingTableError: No night has run yet.
    """
    workspace = config.open_workspace()
    with alone(workspace.root / "night.lock", work="night"):
        night = datetime.fromisoformat(workspace.read("snapshot").manifest.facts["as_of"])
        run_stage(AUDIT_LEAKS, config, workspace, night, progress, forced=True)
        table = workspace.read(AUDIT_LEAKS.writes)
        answers = json.loads(table.path(REPORT).read_text(encoding="utf-8"))
        timed = [answer | {"seconds": taken} for answer, taken in zip(answers, table.manifest.run["seconds"], strict=True)]
        write_json(workspace.reports / "leak_audit.json", {"format": 1, "answers": timed})
    return timed

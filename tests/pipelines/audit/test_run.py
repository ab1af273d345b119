from pathlib import Path

import pytest

from feature_store.layout import Workspace
from pipelines.audit.run import run_audit
from pipelines.config import parse_config
from pipelines.lock import BusyError, alone
from pipelines.progress import Progress


def test_while_a_night_is_at_work_it_is_refused_and_the_night_keeps_its_scratch(tmp_path: Path) -> None:
    half_done = Workspace(tmp_path).scratch("audit_leaks") / "half done"
    half_done.mkdir(parents=True)
    with alone(tmp_path / "night.lock", work="night"), pytest.raises(BusyError, match=r'another night works in .*{"pid": \d+'):
        run_audit(parse_config({"workspace": str(tmp_path)}), progress=Progress())
    assert half_done.is_dir()

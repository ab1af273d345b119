from pathlib import Path

import pytest

from pipelines.config import parse_config
from pipelines.final_test import evaluate_phase
from pipelines.lock import BusyError, alone
from pipelines.progress import Progress


def test_beside_a_night_nothing_is_judged_on_the_test_window(tmp_path: Path) -> None:
    with alone(tmp_path / "night.lock", work="night"), pytest.raises(BusyError):
        evaluate_phase(parse_config({"workspace": str(tmp_path)}), phase="test", progress=Progress())

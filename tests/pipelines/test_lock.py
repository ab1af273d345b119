from pathlib import Path

import pytest

from pipelines.lock import BusyError, alone


def test_a_second_one_is_refused_and_told_whose_process_the_first_is(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "shop/lock", work="count"),
        pytest.raises(BusyError, match=r'another count works in .*shop: {"pid": \d+.*Wait for it, or end'),
        alone(tmp_path / "shop/lock", work="count"),
    ):
        pass


def test_what_has_ended_holds_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path / "lock", work="count"):
            pass

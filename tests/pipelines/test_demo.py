"""The demo's own parts; the whole of it is run by tests/end_to_end."""

from pathlib import Path

import pytest

from feature_store.layout import Workspace
from pipelines.config import Config
from pipelines.demo import DemoError, is_drawn, running_api


def test_a_shop_is_drawn_once_both_landing_folders_hold_a_file(tmp_path: Path) -> None:
    config = Config(workspace=str(tmp_path))
    assert not is_drawn(config)
    for folder in ("events", "catalogue"):
        assert not is_drawn(config)
        (tmp_path / "landing" / folder).mkdir(parents=True)
        (tmp_path / "landing" / folder / "a.parquet").touch()
    assert is_drawn(config)


def test_an_api_that_ends_by_itself_is_told_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "online").write_text("a file where the store's folder should be", encoding="utf-8")
    with pytest.raises(DemoError, match="ended with code"), running_api(Workspace(tmp_path), images=tmp_path):
        pass

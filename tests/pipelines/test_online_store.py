"""Which store a config names, and what the commands do with one that is not in the workspace."""

import contextlib
from pathlib import Path

import pytest
from rich.console import Console

from feature_store.errors import OnlineStoreError
from feature_store.online.address import PASSWORD_VARIABLE
from pipelines.config import parse_config
from pipelines.nightly import run_night
from pipelines.online_store import open_online_store, store_place
from pipelines.progress import Progress
from tests.support.redis_server import redis_server


def test_without_a_word_it_is_a_file_in_the_workspace(tmp_path: Path) -> None:
    assert store_place(parse_config({"workspace": str(tmp_path)})) == str(tmp_path / "online" / "store.sqlite")


def test_the_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_server(tmp_path, "--requirepass", "sesame") as server:
        config = parse_config({"workspace": str(tmp_path), "online_store": {"place": server.url}})
        monkeypatch.setenv(PASSWORD_VARIABLE, "sesame")
        with contextlib.closing(open_online_store(config)) as store:
            assert store.where == server.url


@pytest.mark.usefixtures("empty_redis")
def test_a_night_whose_store_does_not_answer_ends_before_it_has_cost_anything(tmp_path: Path) -> None:
    config = parse_config({"workspace": str(tmp_path), "online_store": {"place": "redis://127.0.0.1:1/0"}})
    with pytest.raises(OnlineStoreError, match="cannot be reached"):
        run_night(config, progress=Progress(Console(quiet=True)))
    assert not (tmp_path / "tables").exists()

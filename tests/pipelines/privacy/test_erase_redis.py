"""An erasure where the online store is a Redis."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from feature_store.errors import OnlineStoreError
from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore, PostedEvent
from pipelines.config import Config, parse_config
from pipelines.online_store import open_online_store
from pipelines.privacy.erase import Receipt, erase_user
from pipelines.progress import Progress
from tests.pipelines.stages.test_ingest_events import click, drop
from tests.support.redis_server import RedisServer, redis_server

USER, OTHER = "shopper-4711@example.com", "shopper-4712@example.com"
EVENT = PostedEvent("e", USER, "i", "click", 5)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--save", "3600 1") as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, server: RedisServer) -> Config:
    (tmp_path / "landing" / "events").mkdir(parents=True)
    return parse_config({"workspace": str(tmp_path), "online_store": {"place": server.url}})


@pytest.fixture
def store(config: Config) -> Iterator[OnlineStore]:
    with contextlib.closing(open_online_store(config)) as store:
        store.load_snapshot("night", [(user, '[["i"], [3], [9]]', "[]") for user in (USER, OTHER)])
        store.append([EVENT, replace(EVENT, event_id="f", user_id=OTHER)])
        yield store


def erase(config: Config, *, landing: bool = False) -> Receipt:
    return erase_user(config, USER, rewrite_landing=landing, progress=Progress(Console(quiet=True)))


def test_no_byte_of_the_id_remains_in_redis_nor_in_its_files(config: Config, store: OnlineStore, server: RedisServer) -> None:
    receipt = erase(config)
    assert receipt.clean
    assert receipt.checked[-1].artefact == "online store in Redis"
    assert receipt.checked[-1].done == "2 rows removed"
    assert receipt.checked[-1].files > 3
    assert [name for name, held in server.bytes().items() if USER.encode() in held] == []
    assert [len(store.user(user).posted) for user in (USER, OTHER)] == [0, 1]
    assert store.append([replace(EVENT, event_id="g")]) == 0


def test_what_others_posted_with_the_id_in_it_is_told_and_names_nobody(config: Config, store: OnlineStore) -> None:
    told = PostedEvent(f"{OTHER} saw {USER}", OTHER, "i", "click", 6)
    store.append([told])
    store.load_snapshot("next", [("a", "[[], [], []]", f'["{USER}"]'), *((f"b{number}", "[[], [], []]", "[]") for number in range(50))])
    receipt = erase(config)
    assert not receipt.clean
    assert receipt.checked[-1].holding == ("vitrine:event:* (1)", "vitrine:posted:* (1)", "vitrine:users:2 (1)")
    (kept,) = config.open_workspace().receipts.iterdir()
    assert OTHER not in kept.read_text(encoding="utf-8")


def settled(config: Config) -> Path:
    """A landing file of both users that may be rewritten."""
    path = drop(config.open_workspace().root, "1.csv", click(USER), click(OTHER))
    os.utime(path, (0, 0))
    return path


@pytest.mark.usefixtures("store")
def test_files_that_redis_cannot_write_anew_are_told_all_else_is_done_and_the_same_command_ends_it(
    config: Config, server: RedisServer
) -> None:
    workspace, landing, dump = config.open_workspace(), settled(config), server.folder / "dump.rdb"
    workspace.reports.mkdir()
    (workspace.reports / "page.html").write_text(USER, encoding="utf-8")
    dump.unlink(missing_ok=True)
    dump.mkdir()
    receipt = erase(config, landing=True)
    assert not receipt.clean
    (problem,) = receipt.checked[-1].holding
    assert "its files" in problem
    assert "BGSAVE ended with 'err'" in problem
    assert "run the same command again" in problem
    assert receipt.checked[-1].done == "2 rows removed"
    assert (USER in landing.read_text(encoding="utf-8"), list(workspace.reports.iterdir())) == (False, [])
    assert len(list(workspace.receipts.iterdir())) == 1
    with pytest.raises(OnlineStoreError, match="BGSAVE ended with 'err'"):  # as long as it cannot, it takes no writes
        erase(config)
    dump.rmdir()
    assert erase(config).clean
    assert [name for name, held in server.bytes().items() if USER.encode() in held] == []


def test_a_redis_that_knows_no_such_command_is_told_too(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path / "landing" / "events").mkdir(parents=True)
    with redis_server(tmp_path_factory.mktemp("redis"), "--save", "", "--rename-command", "BGSAVE", "") as server:
        receipt = erase(parse_config({"workspace": str(tmp_path), "online_store": {"place": server.url}}))
    assert "refuses (unknown command" in receipt.checked[-1].holding[0]


def test_a_redis_that_is_gone_is_told_before_a_landing_file_is_touched(config: Config, server: RedisServer) -> None:
    landing = settled(config)
    server.stop()
    with pytest.raises(OnlineStoreError, match="cannot be reached"):
        erase(config, landing=True)
    assert USER in landing.read_text(encoding="utf-8")


def test_the_file_of_a_time_before_redis_is_cleaned_too(config: Config, store: OnlineStore) -> None:
    file = config.open_workspace().online_store
    with contextlib.closing(open_store(file)) as before:
        before.append([EVENT])
    done = {entry.artefact: entry.done for entry in erase(config).checked}
    assert done["online store"] == "1 rows removed, file written anew"
    assert USER.encode() not in file.read_bytes()

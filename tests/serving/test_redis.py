"""The API on a store in Redis: what several processes share, and what they answer while it is gone."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from feature_store.errors import OnlineStoreError
from feature_store.online.opening import open_store
from serving.__main__ import main
from serving.app import create_app, open_settled
from serving.keeper import Keeper
from serving.problems import ProblemError
from serving.settings import Settings
from tests.support.redis_server import RedisServer, redis_server
from tests.support.tiny_release import build_release

CLICK = {"user_id": "u", "item_id": "i3", "event_type": "click"}
ASKED = {"user_id": "u"}


@contextlib.contextmanager
def api(root: Path, server: RedisServer, *, posted_days: int = 0) -> Iterator[TestClient]:
    settings = Settings(releases=root, store=server.url, watch_seconds=0, posted_days=posted_days)
    with TestClient(create_app(settings)) as client:
        yield client


def test_an_event_posted_to_one_process_is_in_the_next_answer_of_another(tmp_path: Path, empty_redis: RedisServer) -> None:
    build_release(tmp_path)
    with api(tmp_path, empty_redis) as first, api(tmp_path, empty_redis) as second:
        assert second.post("/v1/recommendations", json=ASKED).json()["source"] == "popular"
        assert first.post("/v1/events", json=CLICK).json()["new"] == 1
        answer = second.post("/v1/recommendations", json=ASKED).json()
    assert answer["source"] == "personal"
    assert "i3" not in [item["item_id"] for item in answer["items"]]


def test_an_event_that_is_too_old_is_refused_by_row(tmp_path: Path, empty_redis: RedisServer) -> None:
    build_release(tmp_path)
    with api(tmp_path, empty_redis, posted_days=1) as client:
        told = client.post("/v1/events", json=[CLICK, CLICK | {"event_time": "2024-01-05T10:00:00Z"}]).json()
    assert (told["accepted"], told["new"], [row["row"] for row in told["refused"]]) == (1, 1, [1])
    assert "is too old; at most 1 days are allowed" in told["refused"][0]["problem"]


def test_an_item_withdrawn_today_is_gone_from_every_process(tmp_path: Path, empty_redis: RedisServer) -> None:
    build_release(tmp_path)
    with api(tmp_path, empty_redis) as client, contextlib.closing(open_store(empty_redis.url)) as store:
        assert client.post("/v1/recommendations", json=ASKED).json()["items"][0]["item_id"] == "i3"
        store.withdraw(["i3"])
        assert client.post("/v1/recommendations", json=ASKED).json()["items"][0]["item_id"] == "i4"


def test_while_redis_is_gone_the_api_says_so_and_answers_again_once_it_is_back(tmp_path: Path) -> None:
    build_release(tmp_path / "releases")
    with redis_server(tmp_path, "--appendonly", "yes") as server, api(tmp_path / "releases", server) as client:
        client.post("/v1/events", json=CLICK)
        server.stop()
        asked = [client.post("/v1/recommendations", json=ASKED), client.post("/v1/events", json=CLICK), client.get("/readyz")]
        for answer in asked:
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert f"the online store {server.url} cannot be reached" in answer.json()["detail"]
        assert client.get("/healthz").status_code == 200
        server.start()
        assert client.post("/v1/recommendations", json=ASKED).json()["source"] == "personal"


def test_while_redis_hangs_only_the_first_request_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_store.online.redis_link.ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("feature_store.online.redis_link.REST_SECONDS", 3600.0)
    build_release(tmp_path / "releases")
    with redis_server(tmp_path) as server, api(tmp_path / "releases", server) as client:
        with server.hanging():
            asked = [client.post("/v1/recommendations", json=ASKED) for _ in range(2)]
        assert [answer.status_code for answer in asked] == [503, 503]
        assert ["not asked now" in answer.json()["detail"] for answer in asked] == [False, True]


def test_a_release_that_could_not_be_laid_beside_the_store_is_served_once_that_is_back(tmp_path: Path) -> None:
    build_release(tmp_path / "releases")
    with redis_server(tmp_path) as server, contextlib.closing(open_store(server.url)) as store:
        keeper = Keeper(tmp_path / "releases", store, watch_seconds=0)
        server.stop()
        keeper.load()
        assert keeper.problem
        assert "cannot be reached" in keeper.problem
        server.start()
        deadline = time.monotonic() + 60
        while keeper.problem and time.monotonic() < deadline:
            with contextlib.suppress(ProblemError):  # it is being loaded
                keeper.current()
            time.sleep(0.02)
        assert keeper.current().additions == 0


def test_the_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_server(tmp_path, "--requirepass", "sesame") as server:
        with pytest.raises(OnlineStoreError, match="VITRINE_REDIS_PASSWORD"):
            open_settled(Settings(store=server.url))
        monkeypatch.setenv("VITRINE_REDIS_PASSWORD", "sesame")
        settings = Settings(store=server.url)
        open_settled(settings).close()
        assert "sesame" not in repr(settings)


def test_a_process_whose_redis_does_not_answer_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_redis: RedisServer
) -> None:
    monkeypatch.setattr(sys, "argv", ["serving", "--store", "redis://127.0.0.1:1/0"])
    with pytest.raises(SystemExit, match="1"):
        main()
    told = capsys.readouterr().err
    assert told.startswith("error: the online store redis://127.0.0.1:1/0 cannot be reached")
    assert told.count("\n") == 1

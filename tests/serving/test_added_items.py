import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from recsys.slate.release_reader import read_release
from serving.app import create_app
from serving.settings import Settings
from tests.support.new_items import new_items
from tests.support.tiny_release import build_release


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    build_release(tmp_path / "releases")
    with TestClient(create_app(Settings(releases=tmp_path / "releases", store=tmp_path / "store.sqlite", watch_seconds=0))) as client:
        client.post("/v1/events", json={"user_id": "u", "item_id": "i4", "event_type": "click"})
        yield client


def add(api: TestClient, folder: Path, item_ids: list[str], **columns: object) -> None:
    release = read_release(folder)
    api.app.state.vitrine.store.add_items(release.release_id, new_items(release, item_ids, **columns))  # type: ignore[attr-defined]


def listed(api: TestClient, **asked: object) -> list[str]:
    return [item["item_id"] for item in api.post("/v1/recommendations", json={"user_id": "u", **asked}).json()["items"]]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def only_release(tmp_path: Path) -> Path:
    return next((tmp_path / "releases").glob("*/release.json")).parent


def test_an_added_item_is_served_without_a_restart_and_gone_when_it_is_withdrawn(api: TestClient, tmp_path: Path) -> None:
    assert "n" not in listed(api, k=500)
    add(api, only_release(tmp_path), ["n"], title="a red thing", price=7.5)
    until(lambda: listed(api)[0] == "n")  # the reddest of all, for a user who clicked something red
    card = api.post("/v1/recommendations", json={"user_id": "u"}).json()["items"][0]
    assert (card["title"], card["price"], card["category"]) == ("a red thing", 7.5, ["red"])
    assert api.get("/v1/release").json()["added"] == 1
    api.app.state.vitrine.store.withdraw(["n"])  # type: ignore[attr-defined]
    assert "n" not in listed(api, k=500)
    api.app.state.vitrine.store.restore(["n"])  # type: ignore[attr-defined]
    assert listed(api)[0] == "n"


def test_an_added_item_can_be_asked_about_excluded_and_clicked(api: TestClient, tmp_path: Path) -> None:
    add(api, only_release(tmp_path), ["n"])
    until(lambda: listed(api)[0] == "n")
    assert len(api.get("/v1/items/n/similar?k=3").json()["items"]) == 3
    assert "n" not in listed(api, k=500, filters={"exclude": ["n"]})
    api.post("/v1/events", json={"user_id": "u", "item_id": "n", "event_type": "purchase"})
    assert "n" not in listed(api, k=500)
    assert api.get("/v1/users/u/history").json()["items"][0]["item_id"] == "n"


def test_a_later_addition_replaces_and_adds(api: TestClient, tmp_path: Path) -> None:
    folder = only_release(tmp_path)
    add(api, folder, ["n"], title="before")
    until(lambda: listed(api)[0] == "n")
    add(api, folder, ["m", "n"], title="after")
    until(lambda: set(listed(api)[:2]) == {"m", "n"})
    titles = {item["title"] for item in api.post("/v1/recommendations", json={"user_id": "u", "k": 2}).json()["items"]}
    assert titles == {"after"}


def test_what_was_added_to_a_release_is_there_after_a_restart_and_not_in_the_next_release(api: TestClient, tmp_path: Path) -> None:
    add(api, only_release(tmp_path), ["n"])
    settings = Settings(releases=tmp_path / "releases", store=tmp_path / "store.sqlite", watch_seconds=0)
    with TestClient(create_app(settings)) as restarted:
        assert listed(restarted)[0] == "n"
        second = build_release(tmp_path / "releases", seed=1).name
        until(lambda: restarted.get("/v1/release").json()["release_id"] == second)
        assert "n" not in listed(restarted, k=500)
        assert restarted.get("/v1/release").json()["added"] == 0


def test_an_item_withdrawn_before_it_is_added_is_not_shown(api: TestClient, tmp_path: Path) -> None:
    api.app.state.vitrine.store.withdraw(["n"])  # type: ignore[attr-defined]
    add(api, only_release(tmp_path), ["n", "m"])
    until(lambda: listed(api)[0] == "m")
    assert "n" not in listed(api, k=500)

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from feature_store.online.sqlite import SqliteStore
from serving.app import create_app
from serving.settings import Settings
from tests.support.tiny_release import build_release


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    build_release(tmp_path / "releases")
    with TestClient(create_app(Settings(releases=tmp_path / "releases", store=tmp_path / "store.sqlite"))) as client:
        for day, item_id in enumerate(("i4", "i5", "i6"), start=1):
            event = {"user_id": "a/b", "item_id": item_id, "event_type": "click", "event_time": f"2026-01-0{day}T00:00:00Z"}
            client.post("/v1/events", json=event)
        yield client


def test_a_score_is_that_of_retrieval_and_its_parts_add_up(api: TestClient) -> None:
    told = api.get("/v1/users/a/b/explain/i8").json()
    listed = api.post("/v1/candidates", json={"user_id": "a/b", "k": 50}).json()["items"]
    assert told["score"] == pytest.approx(next(item["score"] for item in listed if item["item_id"] == "i8"), abs=1e-5)
    assert sum(told["parts"].values()) == pytest.approx(told["score"])
    assert (told["item_id"], told["title"]) == ("i8", "red thing 8")


def test_the_event_on_the_item_most_alike_is_named_first(api: TestClient) -> None:
    events = api.get("/v1/users/a/b/explain/i8").json()["events"]
    assert events[0]["item_id"] == "i4"  # red, too
    assert events[0]["worth"] > 0 > events[-1]["worth"]
    assert len(api.get("/v1/users/a/b/explain/i8?events=1").json()["events"]) == 1


def test_a_newcomer_of_whom_only_attributes_are_known_is_told_without_events(tmp_path: Path) -> None:
    build_release(tmp_path / "releases", knows_colours=True)
    with contextlib.closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.load_snapshot("night", [("new", '[[], [], [], {"colour": "red"}]', "[]")])
    with TestClient(create_app(Settings(releases=tmp_path / "releases", store=tmp_path / "store.sqlite"))) as api:
        listed = api.post("/v1/candidates", json={"user_id": "new", "k": 50}).json()["items"]
        told = api.get(f"/v1/users/new/explain/{listed[0]['item_id']}").json()
    assert told["score"] == pytest.approx(listed[0]["score"], abs=1e-5)
    assert sum(told["parts"].values()) == pytest.approx(told["score"])
    assert told["events"] == []


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/v1/users/nobody/explain/i8", 404, "Unknown user"),
        ("/v1/users/a/b/explain/none", 404, "Unknown item"),
        ("/v1/users/a/b/explain/i8?events=101", 422, "The request cannot be read"),
    ],
)
def test_what_cannot_be_explained_is_a_problem(api: TestClient, path: str, status: int, title: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["title"]) == (status, title)
    assert answer.json()["detail"]

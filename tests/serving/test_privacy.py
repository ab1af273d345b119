import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from feature_store.online.sqlite import SqliteStore
from feature_store.tombstones import Tombstones
from feature_store.user_names import UserKeyError, UserNames
from serving.app import create_app
from serving.settings import Settings
from tests.support.tiny_release import build_release

KEY = "0123456789abcdef0123456789abcdef"
NAMES = UserNames(KEY.encode())
CLICK = {"user_id": "alice", "item_id": "i3", "event_type": "click"}


def settings(root: Path, **more: object) -> Settings:
    return Settings(releases=root / "releases", store=root / "store.sqlite", watch_seconds=0, **more)  # type: ignore[arg-type]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    build_release(tmp_path / "releases")
    with TestClient(create_app(settings(tmp_path, pseudonyms=True, user_key=KEY))) as client:
        yield client


def test_users_are_asked_for_by_the_shops_own_ids_and_kept_by_pseudonym(api: TestClient, tmp_path: Path) -> None:
    assert api.post("/v1/events", json=CLICK).json()["new"] == 1
    assert api.post("/v1/recommendations", json={"user_id": "alice"}).json()["source"] == "personal"
    assert [item["item_id"] for item in api.get("/v1/users/alice/history").json()["items"]] == ["i3"]
    assert api.get("/v1/users/alice/explain/i7").status_code == 200
    with contextlib.closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        assert not store.user("alice").known
        assert store.user(NAMES.of("alice")).known


def test_events_of_an_erased_user_are_refused_and_those_of_others_taken(api: TestClient, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.set_tombstones(Tombstones().with_users(["alice"]))
    told = api.post("/v1/events", json=[CLICK, CLICK | {"user_id": "bob"}]).json()
    assert (told["accepted"], [row["row"] for row in told["refused"]]) == (1, [0])
    assert "this user was erased" in told["refused"][0]["problem"]


def test_pseudonyms_without_a_key_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(UserKeyError, match="VITRINE_USER_KEY is not set"):
        create_app(settings(tmp_path, pseudonyms=True))


@pytest.mark.parametrize("asked", [{}, {"pseudonyms": True, "user_key": "another key of thirty-two letters"}], ids=["own ids", "other key"])
def test_other_names_than_the_nights_do_not_start(tmp_path: Path, asked: dict[str, object]) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.set_key_id(NAMES.key_id)
    with pytest.raises(UserKeyError, match=f"are named by key {NAMES.key_id}"), TestClient(create_app(settings(tmp_path, **asked))):
        pass


def test_a_store_that_no_night_has_filled_keeps_what_is_posted_for_the_first_one_with_the_same_key(api: TestClient, tmp_path: Path) -> None:
    api.post("/v1/events", json=CLICK)
    with contextlib.closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.set_key_id(NAMES.key_id)
        assert store.user(NAMES.of("alice")).known

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.settings import Settings
from tests.support.tiny_release import build_release, promote

HIDDEN = {"i0", "i1", "i2"}  # expired, not yet on sale, sold out: see tiny_release


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    build_release(tmp_path / "releases")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "3.png").write_bytes(b"a picture")
    (tmp_path / "secret.png").write_bytes(b"no picture of ours")
    settings = Settings(
        show_users=True,
        releases=tmp_path / "releases",
        store=tmp_path / "store.sqlite",
        images=tmp_path / "images",
        watch_seconds=0,
        max_body_bytes=10_000,
    )
    with TestClient(create_app(settings)) as client:
        yield client


def ids(response: object) -> list[str]:
    assert response.status_code == 200, response.text  # type: ignore[attr-defined]
    return [item["item_id"] for item in response.json()["items"]]  # type: ignore[attr-defined]


def test_a_stranger_gets_popular_items_and_is_told_so(api: TestClient) -> None:
    answer = api.post("/v1/recommendations", json={"user_id": "stranger"})
    assert ids(answer) == ["i3", "i4", "i5", "i6", "i7"]  # popularity falls with the row; rows 0, 1, 2 may not be shown
    assert answer.json()["source"] == "popular"


def test_a_posted_event_is_in_the_next_answer(api: TestClient) -> None:
    assert api.post("/v1/events", json={"user_id": "u", "item_id": "i3", "event_type": "click"}).json()["new"] == 1
    answer = api.post("/v1/recommendations", json={"user_id": "u"})
    found = ids(answer)
    assert answer.json()["source"] == "personal"
    assert all(int(item[1:]) % 4 == 3 for item in found)  # i3 is black, and so is every item that fits it
    assert "i3" not in found


def test_the_same_event_id_counts_once(api: TestClient) -> None:
    event = {"event_id": "e", "user_id": "u", "item_id": "i3", "event_type": "click"}
    assert [api.post("/v1/events", json=[event]).json()["new"] for _ in range(2)] == [1, 0]


def test_bad_rows_of_a_batch_are_named_and_good_ones_taken(api: TestClient) -> None:
    good = {"user_id": "u", "item_id": "i3", "event_type": "click"}
    answer = api.post("/v1/events", json=[good, {**good, "event_type": "stare"}, {**good, "event_time": "2999-01-01T00:00:00Z"}]).json()
    assert answer["accepted"] == 1
    assert [row["row"] for row in answer["refused"]] == [1, 2]


def test_ad_hoc_events_need_no_user(api: TestClient) -> None:
    found = ids(api.post("/v1/candidates", json={"events": [{"item_id": "i4", "event_type": "purchase"}], "k": 8}))
    assert found[0] in {f"i{row}" for row in range(8, 40, 4)}


def test_fewer_than_k_come_only_when_fewer_are_visible(api: TestClient) -> None:
    found = ids(api.post("/v1/candidates", json={"events": [{"item_id": "i4", "event_type": "click"}], "k": 500}))
    assert sorted(found) == sorted({f"i{row}" for row in range(40)} - HIDDEN - {"i4"})


def test_filters_hold(api: TestClient) -> None:
    wished = {"categories": ["red"], "min_price": 8, "max_price": 20, "exclude": ["i12"]}
    assert sorted(ids(api.post("/v1/recommendations", json={"user_id": "u", "k": 9, "filters": wished}))) == ["i16", "i20", "i8"]


def test_similar_items_are_of_the_same_colour(api: TestClient) -> None:
    assert all(int(item[1:]) % 4 == 3 for item in ids(api.get("/v1/items/i3/similar?k=5")))


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/items/none/similar", None, 404),
        ("GET", "/v1/items/i3/similar?k=501", None, 422),
        ("POST", "/v1/recommendations", {"user_id": "u", "k": 0}, 422),
        ("POST", "/v1/recommendations", {}, 422),
        ("POST", "/v1/recommendations", {"user_id": "u", "filters": {"categories": ["none"]}}, 422),
        ("POST", "/v1/events", [], 422),
        ("POST", "/v1/candidates", {"user_id": "u" * 20_000}, 413),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_a_bad_request_gets_a_problem_document(api: TestClient, method: str, path: str, body: object, status: int) -> None:
    answer = api.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_pictures_come_from_below_the_root_only(api: TestClient) -> None:
    assert api.get("/images/3.png").content == b"a picture"
    assert api.get("/images/%2e%2e/secret.png").status_code == 404


def test_a_link_out_of_the_image_root_is_not_followed(api: TestClient, tmp_path: Path) -> None:
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    assert api.get("/images/link.png").status_code == 404


def test_an_item_withdrawn_today_is_gone_at_once(api: TestClient) -> None:
    api.app.state.vitrine.store.withdraw(["i3"])  # type: ignore[attr-defined]
    assert ids(api.post("/v1/recommendations", json={"user_id": "stranger"}))[0] == "i4"


def test_a_price_changed_today_is_shown_and_filtered_by(api: TestClient) -> None:
    api.app.state.vitrine.store.change_item("i3", {"price": 900.0})  # type: ignore[attr-defined]
    answer = api.post("/v1/recommendations", json={"user_id": "stranger", "filters": {"min_price": 500}})
    assert [(item["item_id"], item["price"]) for item in answer.json()["items"]] == [("i3", 900.0)]


def test_a_new_champion_is_picked_up_and_a_damaged_one_is_not(api: TestClient, tmp_path: Path) -> None:
    first = api.get("/v1/release").json()["release_id"]
    second = build_release(tmp_path / "releases", seed=1).name
    assert _released(api, second)["problem"] is None
    damaged = build_release(tmp_path / "releases", seed=2, champion=False)
    (damaged / "popularity.npy").write_bytes(b"x" * (damaged / "popularity.npy").stat().st_size)
    promote(tmp_path / "releases", damaged.name)
    deadline = time.monotonic() + 60
    while api.get("/readyz").json()["problem"] is None and time.monotonic() < deadline:
        time.sleep(0.02)
    told = api.get("/readyz").json()
    assert told["release_id"] == second != first
    assert "popularity.npy" in told["problem"]


def test_without_a_champion_it_lives_but_is_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(releases=tmp_path, store=tmp_path / "store.sqlite", watch_seconds=0))) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert "champion.json" in client.get("/readyz").json()["detail"]


def test_history_shows_the_newest_first(api: TestClient) -> None:
    rows = [
        {"user_id": "u", "item_id": f"i{n}", "event_type": "click", "event_time": str(datetime(2026, 1, n, tzinfo=UTC))} for n in (5, 6)
    ]
    api.post("/v1/events", json=rows)
    assert ids(api.get("/v1/users/u/history")) == ["i6", "i5"]


def _released(api: TestClient, wanted: str) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told: dict[str, object] = api.get("/v1/release").json()
        if told["release_id"] == wanted:
            return told
        time.sleep(0.02)
    raise AssertionError(f"{wanted} is not served")


def test_a_body_that_is_not_marked_as_json_is_told_which_header_to_send(api: TestClient) -> None:
    answer = api.post("/v1/recommendations", content='{"user_id": "u"}', headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 422
    assert "Send the header content-type: application/json" in answer.json()["detail"]


def test_known_users_are_offered_up_to_the_limit(api: TestClient) -> None:
    api.app.state.vitrine.store.load_snapshot("night", [(user, "[[], [], []]", "[]") for user in ("a", "b", "c")])  # type: ignore[attr-defined]
    assert api.get("/v1/users?limit=2").json()["user_ids"] == ["a", "b"]


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_every_part_of_a_page_comes_from_this_process(api: TestClient, page: str) -> None:
    parts = re.findall(r'(?:src|href)="([^"]+)"', api.get(page).text)
    assert {"/web/style.css"} < set(parts)
    assert all(api.get(part).status_code == 200 for part in parts if part != "data:,")


def test_users_are_not_listed_unless_the_process_was_told_to(tmp_path: Path) -> None:
    build_release(tmp_path)
    with TestClient(create_app(Settings(releases=tmp_path, store=tmp_path / "store.sqlite"))) as client:
        assert client.get("/v1/users").status_code == 404

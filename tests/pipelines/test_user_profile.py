import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS
from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames
from pipelines.cli import app
from pipelines.config import parse_config
from pipelines.privacy.erase import erase_user
from pipelines.progress import Progress
from pipelines.reports.user_tables import hour_bars
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from pipelines.user_profile import UnknownUserError, profile_user
from tests.support.behaviour import day
from tests.support.reviews import OWN_IDS, write_log
from tests.support.stages import run_stage

KEY = "k" * 32


def event(number: int, user: str, item: str, kind: str, when: float) -> dict[str, Any]:
    return {
        "event_id": str(number), "user_id": user, "item_id": item, "event_type": kind, "event_time": day(when), "known_at": day(when)
    }  # fmt: skip


def write_shop(root: Path, *, names: UserNames = OWN_IDS, **sections: Any) -> None:
    """Three purchases of anna in the evening, and a click of another user."""
    bought = [
        event(number, names.of("anna"), item, "purchase", 90 + number + 20 / 24) for number, item in enumerate(("mug", "mug", "lamp"))
    ]
    write_log(root, [*bought, event(9, "other", "lamp", "click", 95)], names=names)
    told = {"mug": ("A [red] mug", "kitchen", 8.0), "lamp": (None, "light", 40.0)}
    items = [
        {"item_id": item, "title": title, "category": [category], "price": price, "in_stock": True, "attributes": []}
        for item, (title, category, price) in told.items()
    ]
    with Workspace(root).write("catalogue") as writer:
        writer.write(pl.DataFrame(items, schema=CATALOGUE.schema), CATALOGUE)
        writer.commit()
    run_stage(COMPUTE_USER_FEATURES, root, date=day(100), **sections)


def printed(root: Path, *arguments: str) -> tuple[int, str]:
    (root / "config.toml").write_text(f"workspace = {json.dumps(str(root))}\n", encoding="utf-8")
    asked = ["user", *arguments, "--config", str(root / "config.toml")]
    result = CliRunner().invoke(app, asked, env={"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"})
    return result.exit_code, result.output


def test_a_user_is_summed_up_so_that_a_person_can_read_it(tmp_path: Path) -> None:
    write_shop(tmp_path)
    code, text = printed(tmp_path, "anna")
    assert code == 0
    assert "anna, as of 2025-04-11 00:00 UTC" in text
    assert "3 events in 3 sessions, 3 of them say an item was wanted; 3 in the last 30 days, 0 in the last 7" in text
    assert "kitchen" in text
    assert "67%" in text
    assert "half of what was wanted costs 8.00 to 24.00, the middle is 8.00" in text
    assert f"0h |{20 * ' '}█{3 * ' '}| 24h" in text
    assert "A [red] mug" in text


def test_the_same_comes_as_json(tmp_path: Path) -> None:
    write_shop(tmp_path)
    found = json.loads(printed(tmp_path, "anna", "--json")[1])
    assert found["activity"]["events_all"] == 3
    assert [(event["item_id"], event["title"]) for event in found["last_events"]] == [
        ("lamp", "lamp"),
        ("mug", "A [red] mug"),
        ("mug", "A [red] mug"),
    ]


def test_an_unknown_user_is_an_error_that_says_whom_the_log_knows(tmp_path: Path) -> None:
    write_shop(tmp_path)
    code, text = printed(tmp_path, "nobody")
    assert code == 1
    assert "nothing is known of user 'nobody'; impressions alone do not count" in text
    assert "The last night knew anna, other, ...; name one of them, or run `vitrine nightly`" in text


def test_before_the_first_night_it_says_what_to_run(tmp_path: Path) -> None:
    code, text = printed(tmp_path, "anna")
    assert code == 1
    assert "There is no table user_features" in text


def test_users_who_go_by_pseudonyms_are_found_by_their_own_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    write_shop(tmp_path, names=UserNames(KEY.encode()))
    config = parse_config({"workspace": str(tmp_path), "privacy": {"pseudonyms": True}})
    assert profile_user(config, "anna").activity["wanted_all"] == 3
    monkeypatch.setenv(KEY_VARIABLE, "another " + KEY)
    with pytest.raises(UserKeyError, match="users of the log are named by key"):
        profile_user(config, "anna")


def test_an_erased_user_is_unknown(tmp_path: Path) -> None:
    write_shop(tmp_path)
    config = parse_config({"workspace": str(tmp_path)})
    erase_user(config, "anna", rewrite_landing=False, progress=Progress(Console(quiet=True)))
    assert Workspace(tmp_path).read("events").scan(EVENTS).collect()["user_id"].to_list() == ["other"]
    with pytest.raises(UnknownUserError, match=r"The last night knew other, \.\.\."):
        profile_user(config, "anna")


def test_an_hour_with_any_event_is_never_blank() -> None:
    assert hour_bars([0, 1, 50, 100]) == " ▁▄█"

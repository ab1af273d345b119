import shutil
from pathlib import Path

import pytest

from feature_store.quarantine import REFUSED_ROWS
from feature_store.tombstones import Tombstones
from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames
from pipelines.privacy.admission import ERASED
from pipelines.recommend import named_users
from pipelines.stage import is_current
from pipelines.stages.ingest_events import STAGE
from tests.pipelines.stages.test_ingest_events import click, drop, refused, users
from tests.support.stages import NIGHT, context_of, run_stage

KEY = "0123456789abcdef0123456789abcdef"
ON = {"pseudonyms": True}
NAMES = UserNames(KEY.encode())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


def tombstone(root: Path, *user_ids: str) -> None:
    path = root / "privacy" / "tombstones.json"
    Tombstones.read(path).with_users(user_ids).write(path)


def test_the_log_and_its_quarantine_hold_pseudonyms_alone(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("shopper-alice"), click("shopper-bob", event_type="wink"))
    drop(tmp_path, "2.parquet", click(4711))  # type: ignore[arg-type]
    reader = run_stage(STAGE, tmp_path, privacy=ON)
    assert users(reader) == [NAMES.of("shopper-alice"), NAMES.of("4711")]
    content = reader.scan(REFUSED_ROWS, prefix="quarantine/").collect()["content"].item()
    assert NAMES.of("shopper-bob") in content
    assert [path for path in (tmp_path / "tables").rglob("*") if path.is_file() and b"shopper-" in path.read_bytes()] == []


@pytest.mark.parametrize("erased", [False, True], ids=["pseudonyms", "erased"])
def test_why_a_file_cannot_be_read_names_no_user_who_may_not_be_named(
    tmp_path: Path, erased: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(tmp_path, "1.csv", click("bob"))
    folder = tmp_path / "landing" / "events"
    (folder / "2.csv").write_text('user_id,item_id,event_type,event_time\nu,i,click,2024-01-05T10:00:00Z\n"shopper-alice,i,click\n')
    (folder / "3.csv").write_text("shopper-alice,i,click,2024-01-05T10:00:00Z\n")
    if erased:
        tombstone(tmp_path, "shopper-alice")
    told = run_stage(STAGE, tmp_path, privacy={} if erased else ON).manifest.facts["unreadable"]
    hidden = "(what was found there is not told: it may name users)"
    assert told == {
        "landing/events/2.csv": f"cannot be read {hidden}",
        "landing/events/3.csv": f"has no column user_id, item_id, event_type, event_time {hidden}",
    }
    assert [path for path in (tmp_path / "tables").rglob("*") if path.is_file() and b"shopper-" in path.read_bytes()] == []
    assert "shopper-alice" not in capsys.readouterr().out


def test_the_same_user_has_one_name_in_every_file_and_night(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("alice"))
    run_stage(STAGE, tmp_path, privacy=ON)
    drop(tmp_path, "2.jsonl", click("alice", item_id="j"))
    assert users(run_stage(STAGE, tmp_path, privacy=ON)) == [NAMES.of("alice")] * 2


def test_the_commands_find_a_user_by_the_shops_own_id(tmp_path: Path) -> None:
    config = context_of(STAGE, tmp_path, privacy=ON).config
    assert named_users(config, ["alice", NAMES.of("bob")]).tolist() == [NAMES.of("alice"), NAMES.of("bob")]


def test_without_the_key_nothing_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(tmp_path, "1.csv", click("alice"))
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(UserKeyError, match=f"{KEY_VARIABLE} is not set"):
        run_stage(STAGE, tmp_path, privacy=ON)


def test_a_log_of_another_key_is_not_gone_on_with_and_is_written_anew_once_it_is_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path, "1.csv", click("alice"))
    run_stage(STAGE, tmp_path, privacy=ON)
    monkeypatch.setenv(KEY_VARIABLE, "another key of thirty-two letters")
    with pytest.raises(UserKeyError, match="users of the log are named by key"):
        run_stage(STAGE, tmp_path, privacy=ON)
    shutil.rmtree(tmp_path / "tables")
    assert users(run_stage(STAGE, tmp_path, privacy=ON)) == [UserNames(b"another key of thirty-two letters").of("alice")]


def test_pseudonyms_are_not_switched_on_over_a_log_of_the_shops_own_ids(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("alice"))
    run_stage(STAGE, tmp_path)
    with pytest.raises(UserKeyError, match="named by key own"):
        run_stage(STAGE, tmp_path, privacy=ON)


@pytest.mark.parametrize("privacy", [{}, ON], ids=["own ids", "pseudonyms"])
def test_an_erased_user_is_not_taken_in_again_and_others_keep_the_numbers_of_their_rows(tmp_path: Path, privacy: dict[str, bool]) -> None:
    tombstone(tmp_path, "erased")
    drop(tmp_path, "1.csv", click("erased"), click("u"), click("erased", event_type="wink"), click("v", event_type="wink"))
    reader = run_stage(STAGE, tmp_path, privacy=privacy)
    assert len(users(reader)) == 1
    assert [row for _, row, _ in refused(reader)] == [3]


def test_a_user_erased_by_pseudonym_stays_out_too(tmp_path: Path) -> None:
    tombstone(tmp_path, NAMES.of("erased"))
    drop(tmp_path, "1.csv", click("erased"), click("u"))
    assert users(run_stage(STAGE, tmp_path, privacy=ON)) == [NAMES.of("u")]


def test_a_new_tombstone_makes_the_ingestion_run_again(tmp_path: Path) -> None:
    drop(tmp_path, "1.csv", click("u"))
    run_stage(STAGE, tmp_path)
    context = context_of(STAGE, tmp_path)
    assert is_current(STAGE, context.workspace, context.config, NIGHT)
    tombstone(tmp_path, "u")
    assert not is_current(STAGE, context.workspace, context.config, NIGHT)


def test_where_nobody_was_erased_an_id_like_our_own_sign_is_a_user_like_others(tmp_path: Path) -> None:
    drop(tmp_path, "1.jsonl", click(ERASED), click("alice"))
    assert users(run_stage(STAGE, tmp_path)) == [ERASED, "alice"]

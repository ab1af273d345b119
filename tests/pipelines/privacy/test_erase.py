"""A workspace that holds a user wherever one can stand, and what is left of the user after an erasure."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from feature_store.day_digests import DIGESTS
from feature_store.errors import EmptyLogError
from feature_store.layout import Workspace
from feature_store.online.protocol import PostedEvent
from feature_store.online.sqlite import SqliteStore
from feature_store.quarantine import read_refused
from feature_store.schema import EVENTS, REVIEW_SENTIMENT, SNAPSHOT, USER_FEATURES, USERS
from feature_store.snapshot import load_snapshot
from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames
from pipelines.cli import app
from pipelines.config import parse_config
from pipelines.lock import BusyError, alone
from pipelines.nightly import end_of_log
from pipelines.privacy.erase import Receipt, erase_user
from pipelines.privacy.erase_tables import NOTHING
from pipelines.progress import Progress
from pipelines.stage import is_current
from pipelines.stages.build_examples import STAGE as BUILD_EXAMPLES
from pipelines.stages.build_snapshot import STAGE as BUILD_SNAPSHOT
from pipelines.stages.compute_user_features import STAGE as COMPUTE_USER_FEATURES
from pipelines.stages.ingest_catalogue import STAGE as INGEST_CATALOGUE
from pipelines.stages.ingest_events import STAGE as INGEST_EVENTS
from pipelines.stages.ingest_users import STAGE as INGEST_USERS
from tests.pipelines.stages.test_ingest_events import click, drop
from tests.support.stages import context_of, run_stage

USER, OTHER = "shopper-4711@example.com", "shopper-4712@example.com"
DAYS = tuple(f"2024-0{month}-05T10:00:00Z" for month in (1, 2, 3))


def night(root: Path, **sections: object) -> Workspace:
    """The stages that make tables with users in them."""
    run_stage(INGEST_CATALOGUE, root, **sections)
    run_stage(INGEST_EVENTS, root, **sections)
    run_stage(INGEST_USERS, root, **sections)
    workspace = Workspace(root)
    for stage in (COMPUTE_USER_FEATURES, BUILD_SNAPSHOT):
        run_stage(stage, root, date=end_of_log(workspace), **sections)
    with contextlib.closing(SqliteStore(workspace.online_store)) as store:
        load_snapshot(store, workspace.read("snapshot"))
    return workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    catalogue = tmp_path / "landing" / "catalogue" / "1.csv"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text("item_id\ni\n", encoding="utf-8")
    drop(tmp_path, "1.csv", *(click(user, day) for user in (USER, OTHER) for day in DAYS), click(USER, event_type="wink"))
    drop(tmp_path, "2.csv", click(OTHER, item_id="j"), click(OTHER, event_type="wink"))
    workspace = night(tmp_path)
    with contextlib.closing(SqliteStore(workspace.online_store)) as store:
        event = PostedEvent("e", USER, "i", "click", 5)
        store.append([event, replace(event, event_id="f", user_id=OTHER)])
    drop(tmp_path, "3.csv", click(USER, "2024-03-06T10:00:00Z"))
    night(tmp_path)  # the builds before it stay on disk
    workspace.scratch("ablation").mkdir(parents=True)
    pl.DataFrame({"user_id": [USER]}).write_parquet(workspace.scratch("ablation") / "per_user.parquet")
    workspace.reports.mkdir()
    (workspace.reports / "page.html").write_text(f"<p>{USER}</p>", encoding="utf-8")
    with workspace.write("leak_audit") as writer:
        (writer.folder / "report.json").write_text(json.dumps({"leak": USER}), encoding="utf-8")
        writer.commit()
    (tmp_path / "tables" / "examples" / ".building-1").mkdir(parents=True)
    (tmp_path / "tables" / "examples" / ".building-1" / "half").write_text(USER, encoding="utf-8")
    return workspace


def erase(workspace: Workspace, user: str = USER, *, landing: bool = False, **sections: object) -> Receipt:
    config = parse_config({"workspace": str(workspace.root), **sections})
    return erase_user(config, user, rewrite_landing=landing, progress=Progress(Console(quiet=True)))


def files_holding(root: Path, user: str) -> Iterator[str]:
    """Files in which any byte sequence, packed or not, is the user."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            unpacked = repr(pl.read_parquet(path).to_dicts()) if path.suffix == ".parquet" else ""
            if user.encode() in path.read_bytes() or user in unpacked or user in path.name:
                yield path.relative_to(root).as_posix()


def test_no_byte_of_the_id_remains_but_in_the_landing_files_which_are_named(shop: Workspace) -> None:
    assert len(list(files_holding(shop.root, USER))) > 12
    receipt = erase(shop)
    assert list(files_holding(shop.root, USER)) == ["landing/events/1.csv", "landing/events/3.csv"]
    assert receipt.clean
    assert [(trace.name, trace.rows) for trace in receipt.landing] == [("landing/events/1.csv", 4), ("landing/events/3.csv", 1)]


def test_the_receipt_lists_all_that_was_looked_into_and_what_was_done(shop: Workspace) -> None:
    done = {entry.artefact: entry.done for entry in erase(shop).checked}
    assert done["table events"] == "5 rows removed"  # four of the log, one that was refused
    assert done["table snapshot"] == done["table user_features"] == "1 rows removed"
    assert done["table leak_audit"].startswith("removed whole")
    assert done["table examples"].startswith("removed whole")
    assert done["online store"] == "2 rows removed, file written anew"
    assert (done["scratch"], done["reports"], done["table catalogue"]) == ("1 files removed", "1 files removed", "nothing found")
    (kept,) = shop.receipts.iterdir()
    assert len(json.loads(kept.read_text(encoding="utf-8"))["checked"]) == len(done)


def test_what_the_words_of_reviews_say_goes_with_them(shop: Workspace) -> None:
    said = {"event_type": "review", "text": "Terrible.", "value": 1}
    drop(shop.root, "4.csv", *(click(user, "2024-03-08T10:00:00Z", event_id=f"{user}:r", **said) for user in (USER, OTHER)))
    night(shop.root)
    reviews = shop.read("events").scan(EVENTS).filter(pl.col("event_type") == "review").collect()
    read = reviews.with_columns(sentiment=pl.lit(-1.0), likely_stars=pl.lit(1, pl.Int8)).select(REVIEW_SENTIMENT.schema.names())
    with shop.write("review_sentiment") as writer:
        writer.write(read, REVIEW_SENTIMENT)
        writer.commit(facts={"rows": read.height}, fingerprint="of a night")
    receipt = erase(shop)
    assert {entry.artefact: entry.done for entry in receipt.checked}["table review_sentiment"] == "1 rows removed"
    assert receipt.clean
    table = shop.read("review_sentiment")
    assert table.scan(REVIEW_SENTIMENT).collect()["event_id"].to_list() == [f"{OTHER}:r"]
    assert (table.manifest.facts["rows"], table.manifest.fingerprint) == (1, "")
    assert [file for file in files_holding(shop.root, USER) if not file.startswith("landing/")] == []


def test_what_the_shop_knew_of_the_user_goes_and_what_it_knew_of_others_stays(shop: Workspace) -> None:
    users = {"users": {"attributes": ["age"]}}
    path = shop.landing / "users" / "1.csv"
    path.parent.mkdir(parents=True)
    path.write_text("user_id,attribute.age\n" + "".join(f"{user},{age}\n" for user in (USER, OTHER) for age in ("20-29", "x" * 101)))
    run_stage(INGEST_USERS, shop.root, **users)
    receipt = erase(shop, **users)
    assert {entry.artefact: entry.done for entry in receipt.checked}["table users"] == "2 rows removed"  # one that was refused
    assert receipt.clean
    assert ("landing/users/1.csv", 2) in [(trace.name, trace.rows) for trace in receipt.landing]
    for _ in range(2):
        table = shop.read("users")
        assert table.scan(USERS).collect()["user_id"].to_list() == [OTHER]
        assert (table.manifest.facts["rows"], table.manifest.facts["quarantined"]) == (1, 1)
        assert [file for file in files_holding(shop.root, USER) if not file.startswith("landing/")] == []
        run_stage(INGEST_USERS, shop.root, **users)  # the landing file still names the user


def test_others_keep_every_row(shop: Workspace) -> None:
    theirs = pl.col("user_id") == OTHER
    tables = {"events": EVENTS, "snapshot": SNAPSHOT, "user_features": USER_FEATURES}
    before = {name: shop.read(name).scan(table).filter(theirs).collect() for name, table in tables.items()}
    erase(shop)
    for name, table in tables.items():
        assert shop.read(name).scan(table).collect().equals(before[name]), name
    facts = shop.read("events").manifest.facts
    assert (facts["rows"], facts["quarantined"], facts["last"]) == (4, 1, "2024-03-05T10:00:00+00:00")


def test_the_next_night_runs_anew_and_takes_nothing_of_the_user_in(shop: Workspace) -> None:
    erase(shop)
    drop(shop.root, "4.csv", click(USER, "2024-03-07T10:00:00Z"), click(OTHER, "2024-03-07T10:00:00Z"))
    for stage in (INGEST_EVENTS, COMPUTE_USER_FEATURES):
        context = context_of(stage, shop.root, date=end_of_log(shop))
        assert not is_current(stage, shop, context.config, context.date)
    night(shop.root)
    found = set(files_holding(shop.root, USER))
    assert found == {f"landing/events/{number}.csv" for number in (1, 3, 4)}
    assert shop.read("events").scan(EVENTS).collect().height == 5


def test_landing_files_are_rewritten_on_request_once_they_are_settled(shop: Workspace) -> None:
    assert {trace.left for trace in erase(shop, landing=True).landing} == {"it changed within the last 60 s: wait until nothing writes it"}
    for path in (shop.landing / "events").iterdir():
        os.utime(path, (0, 0))
    events = shop.read("events").scan(EVENTS).collect()
    assert {trace.left for trace in erase(shop, landing=True).landing} == {""}
    assert list(files_holding(shop.root, USER)) == []
    night(shop.root)  # reads the rewritten files for new ones
    assert shop.read("events").scan(EVENTS).collect().equals(events)
    assert shop.read("events").manifest.facts["quarantined"] == 1


def test_what_others_were_said_to_be_is_no_newer_in_a_file_that_was_rewritten(shop: Workspace) -> None:
    users, folder = {"users": {"attributes": ["age"]}}, shop.landing / "users"
    folder.mkdir(parents=True)
    (folder / "1.csv").write_text(f"user_id,attribute.age\n{USER},20-29\n{OTHER},20-29\n", encoding="utf-8")
    run_stage(INGEST_USERS, shop.root, **users)
    (folder / "2.csv").write_text(f"user_id,attribute.age\n{OTHER},30-39\n", encoding="utf-8")
    told = run_stage(INGEST_USERS, shop.root, **users).scan(USERS).filter(user_id=OTHER).collect()
    os.utime(folder / "1.csv", (0, 0))
    erase(shop, landing=True, **users)
    assert USER not in (folder / "1.csv").read_text(encoding="utf-8")
    assert run_stage(INGEST_USERS, shop.root, **users).scan(USERS).collect().equals(told)


def test_what_was_digested_of_the_log_goes_with_the_user(shop: Workspace) -> None:
    cuts = {"ranker": "2024-03-01T00:00:00Z", "validation": "2024-03-08T00:00:00Z", "test": "2024-03-09T00:00:00Z"}
    run_stage(BUILD_EXAMPLES, shop.root, cuts=cuts)
    assert DIGESTS in shop.read("examples").manifest.files
    assert {entry.artefact: entry.done for entry in erase(shop, "nobody").checked}["table examples"] == NOTHING
    assert {entry.artefact: entry.done for entry in erase(shop).checked}["table examples"].startswith("removed whole")
    assert not shop.exists("examples")


def test_a_second_erasure_finds_nothing_more(shop: Workspace) -> None:
    first = shop.root / "landing" / "events"
    erase(shop)
    for path in first.iterdir():
        path.unlink()
    receipt = erase(shop)
    assert not receipt.known
    assert receipt.clean


def test_a_user_by_pseudonym_is_erased_by_the_shops_own_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "0123456789abcdef0123456789abcdef")
    (tmp_path / "landing" / "catalogue").mkdir(parents=True)
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id\ni\n", encoding="utf-8")
    drop(tmp_path, "1.csv", click("u1"), click("u2"))
    on = {"privacy": {"pseudonyms": True}}
    workspace = night(tmp_path, **on)
    name = UserNames(b"0123456789abcdef0123456789abcdef").of("u1")
    assert len(list(files_holding(tmp_path, name))) > 3
    for other in ({}, on):
        monkeypatch.setenv(KEY_VARIABLE, "another key of 32 characters and more")
        with pytest.raises(UserKeyError, match="users of the log are named by key"):
            erase(workspace, "u1", **other)
    assert not workspace.tombstones.exists()
    monkeypatch.setenv(KEY_VARIABLE, "0123456789abcdef0123456789abcdef")
    assert erase(workspace, "u1", **on).clean
    assert list(files_holding(tmp_path, name)) == []


def test_a_refused_row_that_has_slipped_goes_with_the_user(shop: Workspace) -> None:
    drop(shop.root, "4.csv", click(f"{USER};i;click", event_type="wink"))
    night(shop.root)
    assert erase(shop).clean
    assert [file for file in files_holding(shop.root, USER) if not file.startswith("landing/")] == []


def test_nobody_is_not_erased(shop: Workspace) -> None:
    with pytest.raises(ValueError, match="id of a user to erase is empty"):
        erase(shop, " ")
    assert not shop.tombstones.exists()


def test_an_id_of_bytes_leaves_the_quarantine_too(tmp_path: Path) -> None:
    (tmp_path / "landing" / "catalogue").mkdir(parents=True)
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id\ni\n", encoding="utf-8")
    drop(tmp_path, "1.csv", click("u2"))
    name = 'Zoë "Müller" 1'
    rows = {
        "user_id": [name.encode()] * 2,
        "item_id": ["i", "i"],
        "event_type": ["click", "wink"],
        "event_time": [datetime(2024, 1, 5, tzinfo=UTC)] * 2,
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "landing" / "events" / "2.parquet")
    workspace = night(tmp_path)
    assert json.loads(read_refused(workspace.read("events"))["content"][0])["user_id"] == name
    assert erase(workspace, name).clean
    assert read_refused(workspace.read("events")).is_empty()


def test_an_id_too_short_to_be_told_from_a_number_is_looked_for_where_users_are_named(tmp_path: Path) -> None:
    (tmp_path / "landing" / "catalogue").mkdir(parents=True)
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id,price\n7,7\n", encoding="utf-8")
    drop(tmp_path, "1.csv", click("7", item_id="7"), click("8", item_id="7"), click("7", event_type="wink"))
    workspace = night(tmp_path)
    receipt = erase(workspace, "7")
    assert not receipt.bytes_searched
    assert workspace.read("events").scan(EVENTS).collect()["user_id"].to_list() == ["8"]
    assert workspace.read("events").manifest.facts["quarantined"] == 0
    assert workspace.read("catalogue").manifest.facts["rows"] == 1


@pytest.mark.parametrize(
    ("user", "others", "posts"),
    [
        ("customer1", ["customer10", "customer11", "my-customer1"], []),
        ("anna@shop", ["anna@shop Jr", "anna@shop.com", "web:anna@shop:guest"], ["anna@shop.de"]),
    ],
    ids=["number", "address"],
)
def test_users_whose_ids_begin_or_end_with_the_erased_one_keep_every_row(
    tmp_path: Path, user: str, others: list[str], posts: list[str]
) -> None:
    (tmp_path / "landing" / "catalogue").mkdir(parents=True)
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id\ni\n", encoding="utf-8")
    drop(tmp_path, "1.csv", *(click(name, event_type=kind) for name in (user, *others) for kind in ("click", "wink")))
    workspace = night(tmp_path)
    with contextlib.closing(SqliteStore(workspace.online_store)) as store:
        store.append([PostedEvent(name, name, "i", "click", 5) for name in (user, *others, *posts)])
    receipt = erase(workspace, user)
    assert receipt.clean
    assert sorted(workspace.read("events").scan(EVENTS).collect()["user_id"]) == others
    said = read_refused(workspace.read("events"))["content"].str.json_path_match("$.user_id")
    assert sorted(said) == others
    with contextlib.closing(SqliteStore(workspace.online_store)) as store:
        assert [len(store.user(name).posted) for name in (user, *others, *posts)] == [0] + [1] * len(others + posts)
    assert erase(workspace, user).clean


def test_once_nobody_is_left_the_night_says_that_it_needs_events(tmp_path: Path) -> None:
    (tmp_path / "landing" / "catalogue").mkdir(parents=True)
    (tmp_path / "landing" / "catalogue" / "1.csv").write_text("item_id\ni\n", encoding="utf-8")
    drop(tmp_path, "1.csv", click(USER))
    workspace = night(tmp_path)
    assert erase(workspace).clean
    with pytest.raises(EmptyLogError, match=r"holds no event: .* Put events into the folders of \[sources\] events"):
        end_of_log(workspace)


def test_what_is_not_ours_is_told_and_left_as_it_is(shop: Workspace) -> None:
    own = shop.root / "export.parquet"
    pl.DataFrame({"user_id": [USER]}).write_parquet(own)
    receipt = erase(shop)
    assert not receipt.clean
    assert [entry.holding for entry in receipt.checked if entry.holding] == [("export.parquet",)]
    assert own.is_file()


def test_an_error_with_the_id_in_the_tracker_is_told(shop: Workspace) -> None:
    shop.tracking.mkdir()
    with contextlib.closing(sqlite3.connect(shop.tracking / "mlflow.sqlite")) as tracker:
        tracker.execute("CREATE TABLE tags (key TEXT, value TEXT)")
        tracker.execute("INSERT INTO tags VALUES ('vitrine.error', ?)", (f"rows of {USER} share a key",))
        tracker.commit()
    assert [entry.artefact for entry in erase(shop).checked if entry.holding] == ["tracking"]


def test_an_id_that_touches_its_neighbours_in_a_database_is_told(shop: Workspace) -> None:
    shop.tracking.mkdir()
    with contextlib.closing(sqlite3.connect(shop.tracking / "mlflow.sqlite")) as tracker:
        tracker.execute("CREATE TABLE tags (key TEXT, value TEXT, run TEXT)")
        tracker.execute("INSERT INTO tags VALUES ('key', ?, 'run')", (USER,))
        tracker.commit()
    assert f"key{USER}run".encode() in (shop.tracking / "mlflow.sqlite").read_bytes()
    assert [entry.artefact for entry in erase(shop).checked if entry.holding] == ["tracking"]


@pytest.mark.parametrize(("lock", "work"), [("night.lock", "night"), ("ablation.lock", "ablation"), ("tuning/tune.lock", "search")])
def test_while_models_are_made_of_the_user_nothing_is_erased(shop: Workspace, lock: str, work: str) -> None:
    with alone(shop.root / lock, work=work), pytest.raises(BusyError):
        erase(shop)
    assert not shop.tombstones.exists()


def test_the_command_prints_the_receipt_and_fails_where_something_is_left(shop: Workspace) -> None:
    (shop.root / "shop.toml").write_text(f'workspace = "{shop.root}"\n', encoding="utf-8")
    asked = ["erase", USER, "--config", str(shop.root / "shop.toml")]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "table events" in told.stdout
    assert "Landing files are yours" in told.stdout
    assert USER not in told.stdout
    (shop.root / "notes.txt").write_text(USER, encoding="utf-8")
    assert CliRunner().invoke(app, asked).exit_code == 1

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.checks import check
from feature_store.online.protocol import PostedEvent, UserState
from feature_store.schema import EVENTS, SNAPSHOT, USERS
from feature_store.snapshot import snapshot_rows
from pipelines.stages.build_snapshot import STAGE, build_snapshot
from recsys.data.excerpt import Excerpt
from recsys.data.interactions import Interactions, build_interactions, microseconds
from recsys.data.relevance import Kind, Relevance
from recsys.data.sequences import read_histories
from recsys.slate.histories import user_history
from recsys.slate.release_reader import Release, read_release
from recsys.vocabulary import Vocabulary
from tests.support.behaviour import day, items_of, random_interactions
from tests.support.stages import run_stage
from tests.support.tables import write_tables
from tests.support.tiny_release import build_release

ITEMS = Vocabulary(["a", "b", "c"])


Row = tuple[str, str, str, int]
"""User, item, event type and day of January 2025."""


def behaviour(rows: list[Row], vocabulary: Vocabulary = ITEMS) -> Interactions:
    times = [datetime(2025, 1, day, tzinfo=UTC) for *_, day in rows]
    columns = {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows], "event_type": [row[2] for row in rows]}
    frame = pl.DataFrame({**columns, "event_id": [str(n) for n in range(len(rows))], "event_time": times, "known_at": times})
    missing = {name: pl.lit(None, dtype) for name, dtype in EVENTS.schema.items() if name not in frame.columns}
    frame = frame.with_columns(**missing).select(EVENTS.schema.names()).cast(dict(EVENTS.schema))
    return build_interactions([frame.lazy()], vocabulary=vocabulary, relevance=Relevance(), known_before=datetime(2026, 1, 1, tzinfo=UTC))


def snapshot(rows: list[Row], vocabulary: Vocabulary = ITEMS) -> pl.DataFrame:
    return check(build_snapshot(behaviour(rows, vocabulary), vocabulary), SNAPSHOT)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return read_release(build_release(tmp_path_factory.mktemp("releases")))


def at_noon(release: Release, rows: list[Row]) -> UserState:
    """What the store knows of u when the days up to the 15th are in the snapshot and the later ones were posted."""
    before, after = ([row for row in rows if (row[3] <= 15) is old] for old in (True, False))
    posted = [
        PostedEvent(str(n), user, item, kind, microseconds(datetime(2025, 1, day, tzinfo=UTC)))
        for n, (user, item, kind, day) in enumerate(after)
    ]
    stored = [json.loads(text) for _, *texts in snapshot_rows(snapshot(before, release.items.vocabulary)) for text in texts]
    return UserState(*stored[0], frozenset(stored[1]), posted) if stored else UserState(posted=posted)


@settings(max_examples=50, deadline=None)
@given(
    acts=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["dwell", "tag", "click", "cart", "purchase"]), st.integers(1, 31)), min_size=1
    ),
    excerpt=st.builds(Excerpt, st.integers(1, 12), older=st.booleans()),
)
def test_snapshot_and_posted_events_are_the_history_that_training_reads(
    release: Release, acts: list[tuple[int, str, int]], excerpt: Excerpt
) -> None:
    rows = sorted((("u", f"i{item}", kind, day) for item, kind, day in acts), key=lambda row: row[3])
    served = user_history(at_noon(release, rows), release).for_tower(excerpt)
    learned = read_histories(behaviour(rows, release.items.vocabulary).distinct(), np.zeros(1, np.int64), excerpt, attributes={})
    for name in ("item_index", "kind", "age_days", "attributes"):
        np.testing.assert_array_equal(getattr(served, name), getattr(learned, name))
    for name in ("item_index", "kind", "event_time", "offsets"):
        np.testing.assert_array_equal(getattr(served.whole, name), getattr(learned.whole, name))


def test_every_item_stays_with_what_says_most_of_it_and_everything_seen() -> None:
    rows = [("u", "a", "click", 1), ("u", "b", "click", 2), ("u", "b", "purchase", 3), ("u", "c", "dwell", 4)]
    user = snapshot(rows).row(0, named=True)
    assert user["item_ids"] == ["a", "b", "c"]
    assert user["kinds"] == [Kind.CLICK, Kind.PURCHASE, Kind.DWELL]
    assert user["seen"] == ["a", "b"]  # looking long at c is no reason never to show it


def test_what_the_shop_knows_stands_beside_the_history_and_alone_where_there_is_none(tmp_path: Path) -> None:
    said = [
        ("u0003", "age", "20-29", 5),
        ("u0003", "age", "30-39", 40),
        ("u0003", "town", "Ulm", 0),
        ("u0003", "age", "60-", 60),
        ("z", "age", "60-", 9),
    ]
    users = pl.DataFrame([(*row[:3], day(row[3])) for row in said], schema=USERS.schema, orient="row").sort(USERS.key)
    write_tables(tmp_path, random_interactions(0, num_users=5, num_items=10, num_events=60, days=50), items_of(10), users)
    rows = {row["user_id"]: row for row in run_stage(STAGE, tmp_path, date=day(60)).scan(SNAPSHOT).collect().iter_rows(named=True)}
    pairs = {user: {pair["name"]: pair["value"] for pair in row["attributes"]} for user, row in rows.items()}
    assert pairs.pop("u0003") == {"age": "30-39", "town": "Ulm"}  # what becomes known at the moment is not known before it
    assert pairs.pop("z") == {"age": "60-"}
    assert set(map(len, pairs.values())) == {0}
    assert (rows["z"]["item_ids"], rows["z"]["seen"]) == ([], [])
    stored = dict(row[:2] for row in snapshot_rows(pl.DataFrame(list(rows.values()), schema=SNAPSHOT.schema)))
    assert json.loads(stored["z"]) == [[], [], [], {"age": "60-"}]
    assert len(json.loads(stored["u0000"])) == 3  # as it has always been


def test_what_is_said_of_users_too_late_to_be_known_is_told(tmp_path: Path) -> None:
    users = pl.DataFrame([("u0003", "age", "20-29", day(40))], schema=USERS.schema, orient="row")
    write_tables(tmp_path, random_interactions(0, num_users=5, num_items=10, num_events=60, days=50), items_of(10), users)
    assert run_stage(STAGE, tmp_path, date=day(41)).manifest.facts["told"] == []
    (told,) = run_stage(STAGE, tmp_path, date=day(40)).manifest.facts["told"]
    assert told.startswith("nothing said of users was known before")


def test_no_events_make_no_rows() -> None:
    assert snapshot([("u", "a", "impression", 1)]).height == 0

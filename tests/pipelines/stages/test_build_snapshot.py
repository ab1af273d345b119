from datetime import UTC, datetime

import polars as pl

from feature_store.checks import check
from feature_store.schema import EVENTS, SNAPSHOT
from pipelines.stages.build_snapshot import build_snapshot
from recsys.data.interactions import build_interactions
from recsys.data.relevance import Kind, Relevance
from recsys.vocabulary import Vocabulary

ITEMS = Vocabulary(["a", "b", "c"])


def snapshot(rows: list[tuple[str, str, str, int]], *, history_length: int = 2) -> pl.DataFrame:
    times = [datetime(2025, 1, day, tzinfo=UTC) for *_, day in rows]
    columns = {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows], "event_type": [row[2] for row in rows]}
    frame = pl.DataFrame({**columns, "event_id": [str(n) for n in range(len(rows))], "event_time": times, "known_at": times})
    missing = {name: pl.lit(None, dtype) for name, dtype in EVENTS.schema.items() if name not in frame.columns}
    frame = frame.with_columns(**missing).select(EVENTS.schema.names()).cast(dict(EVENTS.schema))
    past = build_interactions([frame.lazy()], vocabulary=ITEMS, relevance=Relevance(), known_before=datetime(2026, 1, 1, tzinfo=UTC))
    return check(build_snapshot(past, ITEMS, history_length=history_length), SNAPSHOT)


def test_the_newest_distinct_items_stay_and_everything_seen() -> None:
    rows = [("u", "a", "click", 1), ("u", "b", "click", 2), ("u", "b", "purchase", 3), ("u", "c", "dwell", 4)]
    user = snapshot(rows).row(0, named=True)
    assert user["item_ids"] == ["b", "c"]
    assert user["kinds"] == [Kind.PURCHASE, Kind.DWELL]
    assert user["seen"] == ["a", "b"]  # looking long at c is no reason never to show it


def test_no_events_make_no_rows() -> None:
    assert snapshot([("u", "a", "impression", 1)]).height == 0

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.schema import UTC_TIME
from recsys.data.interactions import build_interactions, microseconds
from recsys.data.relevance import Kind, Relevance
from recsys.vocabulary import Vocabulary
from tests.support.behaviour import day, interactions_of, random_interactions

DAY = datetime(2025, 1, 1, tzinfo=UTC)


def _log(*rows: tuple[str, str, str, float | None, int, int]) -> pl.LazyFrame:
    """Rows (user, item, type, value, day it happened, day it was known)."""
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "event_type", "value", "event_time", "known_at"], orient="row")
    days = [(DAY + pl.duration(days=pl.col(name))).cast(UTC_TIME).alias(name) for name in ("event_time", "known_at")]
    return frame.with_columns(pl.col("value").cast(pl.Float64), *days).lazy()


def _build(log: pl.LazyFrame, before: int = 100):  # type: ignore[no-untyped-def]
    return build_interactions([log], vocabulary=Vocabulary(["a", "b"]), relevance=Relevance(), known_before=DAY + timedelta(days=before))


def test_impressions_and_items_without_a_row_are_left_out() -> None:
    built = _build(_log(("u", "a", "impression", None, 1, 1), ("u", "zzz", "click", None, 1, 1), ("u", "b", "click", None, 2, 2)))
    assert built.item_index.tolist() == [1]


def test_what_was_known_too_late_does_not_exist() -> None:
    log = _log(("u", "a", "click", None, 1, 50), ("u", "b", "click", None, 2, 2))
    assert _build(log, before=10).item_index.tolist() == [1]
    assert _build(log, before=51).item_index.tolist() == [0, 1]


def test_the_moment_itself_is_not_before() -> None:
    assert len(_build(_log(("u", "a", "click", None, 10, 10)), before=10).item_index) == 0


def test_ties_in_time_keep_the_order_of_the_log() -> None:
    assert _build(_log(("u", "b", "click", None, 1, 1), ("u", "a", "click", None, 1, 1))).item_index.tolist() == [1, 0]


def test_stars_decide_between_liked_and_disliked_and_none_is_context() -> None:
    log = _log(("u", "a", "rating", 4.0, 1, 1), ("u", "a", "rating", 3.5, 2, 2), ("u", "a", "review", None, 3, 3))
    assert _build(log).kind.tolist() == [Kind.LIKED, Kind.DISLIKED, Kind.TAG]


def test_of_a_pair_the_strongest_kind_stays_and_of_opinions_the_last() -> None:
    rows = [("u", 0, 1, Kind.PURCHASE), ("u", 0, 2, Kind.CLICK), ("u", 1, 3, Kind.LIKED), ("u", 1, 4, Kind.DISLIKED)]
    distinct = interactions_of(rows, num_items=2).distinct()
    assert distinct.kind.tolist() == [Kind.PURCHASE, Kind.DISLIKED]


def test_where_opinions_are_not_what_is_wanted_a_review_takes_no_purchase_away() -> None:
    kinds = (Kind.PURCHASE, Kind.LIKED, Kind.CLICK, Kind.DISLIKED, Kind.LIKED)
    rows = [("u", place // 2, place + 1, kind) for place, kind in enumerate(kinds)]
    distinct = interactions_of(rows, num_items=3, relevance=Relevance(events=("click", "purchase"))).distinct()
    assert distinct.kind.tolist() == [Kind.PURCHASE, Kind.CLICK, Kind.LIKED]
    assert distinct.relevant.tolist() == [True, True, False]


def test_an_opinion_that_is_not_wanted_says_more_than_a_look_and_less_than_a_click() -> None:
    kinds = (Kind.DISLIKED, Kind.DWELL, Kind.LIKED, Kind.TAG, Kind.CLICK, Kind.LIKED, Kind.LIKED, Kind.DISLIKED)
    rows = [("u", place // 2, place + 1, kind) for place, kind in enumerate(kinds)]
    distinct = interactions_of(rows, num_items=4, relevance=Relevance(events=("click", "purchase"))).distinct()
    assert distinct.kind.tolist() == [Kind.DISLIKED, Kind.LIKED, Kind.CLICK, Kind.DISLIKED]


@given(st.integers(0, 500))
def test_distinct_holds_each_pair_once_in_order_of_time(seed: int) -> None:
    interactions = random_interactions(seed, num_users=6, num_items=5, num_events=50)
    distinct = interactions.distinct()
    pairs = set(zip(distinct.user_row.tolist(), distinct.item_index.tolist(), strict=True))
    assert len(pairs) == len(distinct.item_index)
    assert pairs == set(zip(interactions.user_row.tolist(), interactions.item_index.tolist(), strict=True))
    same_user = np.diff(distinct.user_row) == 0
    assert (np.diff(distinct.event_time)[same_user] >= 0).all()


def test_rows_of_strangers_are_minus_one() -> None:
    past = interactions_of([("b", 0, 0), ("d", 0, 0)], num_items=1)
    assert past.rows_of(np.array(["a", "b", "c", "d", "e"], dtype=object)).tolist() == [-1, 0, -1, 1, -1]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        microseconds(datetime(2025, 1, 1))


def test_of_what_had_happened_only_what_was_known_lies_before_a_moment() -> None:
    built = _build(_log(("u", "a", "click", None, 1, 50), ("u", "b", "click", None, 2, 2)))
    assert built.before(DAY + timedelta(days=50)).item_index.tolist() == [1]
    assert built.between(DAY, DAY + timedelta(days=51)).item_index.tolist() == [0, 1]


def test_between_takes_its_start_and_not_its_end() -> None:
    past = interactions_of([("u", 0, 1), ("u", 1, 2), ("u", 2, 3)], num_items=3)
    assert past.between(day(1), day(3)).item_index.tolist() == [0, 1]


@given(seed=st.integers(0, 1000), rows=st.lists(st.integers(-1, 5), max_size=12))
def test_asked_about_some_users_nothing_is_left_but_their_events_in_the_order_asked(seed: int, rows: list[int]) -> None:
    past = random_interactions(seed, num_users=6, num_items=5, num_events=30)
    rows = [row for row in rows if row < past.num_users]
    asked = past.asked(np.array(rows, np.int64))
    assert asked.user_ids.tolist() == [past.user_ids[row] if row >= 0 else "" for row in rows]
    for place, row in enumerate(rows):
        mine = past.user_row == row
        theirs = slice(asked.offsets[place], asked.offsets[place + 1])
        assert asked.item_index[theirs].tolist() == past.item_index[mine].tolist()
        assert asked.event_time[theirs].tolist() == past.event_time[mine].tolist()


def test_of_no_users_only_nobody_can_be_asked_about() -> None:
    assert interactions_of([], num_items=2).asked(np.array([-1, -1])).offsets.tolist() == [0, 0, 0]

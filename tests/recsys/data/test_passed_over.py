"""What was shown, and nothing came of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from feature_store.schema import UTC_TIME
from recsys.data.passed_over import PassedOver, build_passed_over
from recsys.data.relevance import Relevance
from recsys.vocabulary import Vocabulary

DAY = datetime(2025, 1, 1, tzinfo=UTC)


def _built(*rows: tuple[str, str, str, int, int], before: int = 100) -> PassedOver:
    """Of rows (user, item, type, day it happened, day it was known)."""
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "event_type", "event_time", "known_at"], orient="row")
    days = [(DAY + pl.duration(days=pl.col(name))).cast(UTC_TIME).alias(name) for name in ("event_time", "known_at")]
    log = frame.with_columns(pl.lit(None, pl.Float64).alias("value"), *days).lazy()
    moment = DAY + timedelta(days=before)
    return build_passed_over(log, vocabulary=Vocabulary(["a", "b", "c"]), relevance=Relevance(), known_before=moment)


def _pairs(found: PassedOver) -> list[tuple[str, int]]:
    return list(zip(np.repeat(found.user_ids, np.diff(found.offsets)).tolist(), found.item_index.tolist(), strict=True))


def test_an_item_is_passed_over_if_it_was_shown_and_nothing_was_done_with_it() -> None:
    rows = [("u", "a", "impression", 1, 1), ("u", "a", "click", 2, 2), ("u", "b", "impression", 1, 1), ("u", "b", "impression", 3, 3)]
    assert _pairs(_built(*rows, ("v", "a", "impression", 1, 1), ("v", "c", "dwell", 1, 1))) == [("u", 1), ("v", 0)]


def test_nothing_of_what_happens_or_becomes_known_later_counts() -> None:
    rows = [("u", "a", "impression", 1, 1), ("u", "a", "click", 5, 5), ("u", "b", "impression", 1, 9), ("u", "c", "impression", 6, 6)]
    assert _pairs(_built(*rows, before=5)) == [("u", 0)]


def test_items_without_a_row_are_left_out() -> None:
    assert _pairs(_built(("u", "zzz", "impression", 1, 1))) == []


FOUND = _built(("b", "a", "impression", 1, 1), ("b", "c", "impression", 1, 1), ("d", "b", "impression", 1, 1))


def test_users_may_stand_in_another_order_and_may_be_unknown() -> None:
    users = np.array(["a", "d", "b", "e"], dtype=object)
    assert _pairs(FOUND.of_users(users)) == [("d", 1), ("b", 0), ("b", 2)]
    assert FOUND.of_users(users).offsets.tolist() == [0, 0, 1, 3, 3]


def test_of_nobody_nothing_is_known() -> None:
    nobody = _built(("a", "a", "click", 1, 1))
    assert nobody.of_users(np.array(["a", "b"], dtype=object)).offsets.tolist() == [0, 0, 0]


def test_some_items_alone_can_be_kept() -> None:
    assert _pairs(FOUND.of_items(np.array([True, True, False]))) == [("b", 0), ("d", 1)]


def test_of_users_of_a_batch_one_may_come_twice() -> None:
    owner, item = FOUND.by(np.array([1, 0, 1]))
    assert owner.tolist() == [0, 1, 1, 2]
    assert item.tolist() == [1, 0, 2, 1]

from datetime import timedelta

import polars as pl
import pytest

from feature_store.features.sessions import begins_session
from tests.support.behaviour import day


def visits(*events: tuple[float, str | None], gap_minutes: int = 30) -> list[bool]:
    """Of clicks at these minutes, in sessions of these names."""
    rows = pl.DataFrame(
        {"event_time": [day(1) + timedelta(minutes=minute) for minute, _ in events], "session_id": [name for _, name in events]},
        schema_overrides={"session_id": pl.String},
    )
    return rows.select(begins_session(gap=timedelta(minutes=gap_minutes)))["session_id"].to_list()


def test_a_break_longer_than_the_gap_ends_a_visit() -> None:
    assert visits((0, None), (30, None), (60.1, None)) == [True, False, True]


def test_a_visit_may_last_longer_than_the_gap_if_no_break_does() -> None:
    assert visits(*((20 * step, None) for step in range(10))).count(True) == 1


@pytest.mark.parametrize(("second", "begins"), [("a", False), ("b", True)])
def test_the_names_of_the_source_decide_where_both_are_there(second: str, begins: bool) -> None:
    assert visits((0, "a"), (1 if begins else 600, second)) == [True, begins]


def test_where_one_name_is_missing_the_break_decides() -> None:
    assert visits((0, "a"), (10, None), (20, "b"), (600, None)) == [True, False, False, True]

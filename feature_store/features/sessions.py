"""Visits: events of a user without a long break between them."""

from datetime import timedelta

import polars as pl

SESSION_GAP = timedelta(minutes=30)
"""A longer break ends a visit, as web analytics has long counted."""


def begins_session(*, gap: timedelta = SESSION_GAP) -> pl.Expr:
    """Whether an event is the first of a visit; summed up over a user's events it numbers the visits from 1.

    Where an event and the one before it both name their session, the names decide; elsewhere the break does.

    Args:
        gap: The longest break inside a visit.

    Returns:
        An expression over rows of the table `events` in order of event_time; over several users, use it `.over("user_id")`.
    """
    named, before = pl.col("session_id"), pl.col("session_id").shift()
    pause = pl.col("event_time").diff() > gap
    return pl.coalesce(named != before, pause, pl.lit(True))

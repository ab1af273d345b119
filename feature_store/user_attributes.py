"""What a shop says of its users, as a row for each change of an attribute."""

from collections.abc import Collection, Sequence
from datetime import datetime

import polars as pl

from feature_store.clock import Clock
from feature_store.conform import conform
from feature_store.errors import LandingError
from feature_store.quarantine import Refusal
from feature_store.schema import ATTRIBUTES, LANDED_USERS, USERS
from feature_store.times import TimeRule

MOST_CHARACTERS = 100
"""Of a value; what is longer is no word that users share."""


def conform_users(raw: pl.DataFrame, *, landed: datetime, times: TimeRule, clock: Clock) -> tuple[pl.DataFrame, Refusal]:
    """Rows of a source as rows of the table `users`, one for each attribute.

    Args:
        raw: Columns of LANDED_USERS; user_id must be there. A column `attribute.country` is the attribute country; an empty value says
            nothing.
        landed: Since when that is known of which the source does not say it.
        times: What naive and numeric times mean.
        clock: Refuses what cannot be known yet.

    Raises:
        LandingError: A column is missing, unknown or cannot be cast.
    """
    defaults = {"known_at": pl.lit(landed), "attributes": pl.lit([], ATTRIBUTES)}
    reasons = (clock.future("known_at"), _too_long())
    users, refusal = conform(raw, LANDED_USERS, needed=("user_id",), defaults=defaults, times=times, reasons=reasons)
    told = users.explode("attributes", empty_as_null=False).unnest("attributes").rename({"name": "attribute"})
    return told.select(USERS.schema.names()), refusal


def changes(told: pl.DataFrame, attributes: Sequence[str], *, met: Collection[str] = ()) -> pl.DataFrame:
    """Rows of the table `users` without those that say what was so already, by user, attribute and time.

    Args:
        told: Rows of the table, in the order in which they came: of those of one moment the last counts.
        attributes: Those that are wanted.
        met: Those that somebody has had before, and nobody need have any more.

    Raises:
        LandingError: Nobody has, or had, one of them.
    """
    there = told["attribute"].unique().sort().to_list()
    missing = [name for name in attributes if name not in (*there, *met)]
    if missing:
        raise LandingError(f"no user has the attribute {missing[0]!r}; there are {', '.join(there) or 'none'}. Change [users] attributes.")
    wanted = told.filter(pl.col("attribute").is_in(list(attributes))).unique(USERS.key, keep="last", maintain_order=True).sort(USERS.key)
    return wanted.filter(pl.col("value").ne_missing(pl.col("value").shift().over("user_id", "attribute")))


def as_of(users: pl.LazyFrame, moment: datetime) -> pl.DataFrame:
    """What was known of each user strictly before a moment: `user_id` and `attributes`, by user.

    Args:
        users: Rows of the table.
        moment: UTC.
    """
    newest = users.filter(pl.col("known_at") < moment).sort("known_at").unique(["user_id", "attribute"], keep="last")
    pairs = newest.sort("user_id", "attribute").select("user_id", pl.struct(pl.col("attribute").alias("name"), "value").alias("attributes"))
    return pairs.group_by("user_id", maintain_order=True).agg("attributes").collect()


def _too_long() -> pl.Expr:
    longest = pl.col("attributes").list.eval(pl.element().struct.field("value").str.len_chars()).list.max()
    return pl.when(longest > MOST_CHARACTERS).then(
        pl.format("attributes: a value of {} characters; at most {} are taken", longest, pl.lit(MOST_CHARACTERS))
    )

"""What serving must know of every user at the start of the day: the history, everything seen, and what the shop says of the user.

The history is whole. The user tower reads a part of it, but which part depends on what is posted by day: who clicks what was
bought long ago has still bought it, to training and so to serving.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from feature_store.part_files import write_parts
from feature_store.schema import ATTRIBUTES, EVENTS, SNAPSHOT, USERS, UTC_TIME
from feature_store.user_attributes import as_of
from pipelines.inputs import load_items
from pipelines.scale.made_parts import made_in_parts
from pipelines.stage import Stage, StageContext
from recsys.data.interactions import Interactions, build_interactions
from recsys.data.relevance import Relevance
from recsys.vocabulary import Vocabulary

ROW_BYTES = 300
"""Working on an event takes about so much memory."""
READ = ("user_id", "item_id", "event_type", "value", "event_time", "known_at")
"""Columns of an event that a history is made of."""
NOTHING_KNOWN = (
    "nothing said of users was known before {:%Y-%m-%d}, so nothing is used; without `known_at` it is known from the day it landed"
)
USERS_IN_FILE = 50_000
"""Of 50 events each they take about 150 MB."""


def run(context: StageContext) -> None:
    """Write the table `snapshot`, some users at a time."""
    vocabulary, relevance = load_items(context.read("catalogue")).vocabulary, context.config.relevance
    events = context.read("events")
    acts = [file.filter(relevance.kind().is_not_null()).select(READ) for file in events.scan_files(EVENTS)]
    make = partial(_of_part, vocabulary=vocabulary, relevance=relevance, moment=context.date)
    parts = made_in_parts(make, acts, "user_id", row_bytes=ROW_BYTES, context=context)
    users = context.read("users")
    known = as_of(users.scan(USERS), context.date)
    with context.workspace.write(context.stage.writes) as writer:
        written = write_parts(writer, with_known(parts, known), SNAPSHOT, rows_in_file=USERS_IN_FILE)
        rows = written.select(pl.len()).collect().item()
        in_vain = known.is_empty() and users.scan(USERS).head(1).collect().height > 0
        told = [NOTHING_KNOWN.format(context.date)] if in_vain else []
        digests = {"events": events.manifest.content_digest, "users": users.manifest.content_digest}
        made_of = digests | {"relevance": asdict(relevance)}
        context.commit(writer, facts={"rows": rows, "as_of": context.date.isoformat(), "told": told, **made_of})


def _of_part(events: pl.LazyFrame, *, vocabulary: Vocabulary, relevance: Relevance, moment: datetime) -> pl.DataFrame:
    """Of all events of some users."""
    return build_snapshot(build_interactions([events], vocabulary=vocabulary, relevance=relevance, known_before=moment), vocabulary)


def build_snapshot(past: Interactions, vocabulary: Vocabulary) -> pl.DataFrame:
    """One row per user with events, ascending by id.

    Args:
        past: All behaviour before the moment.
        vocabulary: Names of the items.
    """
    ids = pl.Series("item_ids", list(vocabulary.item_ids), pl.String)
    distinct = past.distinct()
    histories = pl.DataFrame(
        {
            "user": distinct.user_row,
            "item_ids": ids.gather(distinct.item_index),
            "kinds": distinct.kind,
            "event_times": pl.Series(distinct.event_time, dtype=pl.Int64).cast(UTC_TIME),
        }
    ).group_by("user", maintain_order=True)
    seen = past.seen()
    seen.sort_indices()
    seen_items = pl.DataFrame(
        {"user": np.repeat(np.arange(past.num_users), np.diff(seen.indptr)), "seen": ids.gather(seen.indices.astype(np.int64))}
    ).group_by("user", maintain_order=True)
    users = pl.DataFrame({"user": np.arange(past.num_users), "user_id": pl.Series(past.user_ids.tolist(), dtype=pl.String)})
    together = users.join(histories.agg(pl.all()), on="user", how="inner", maintain_order="left")
    together = together.join(seen_items.agg(pl.all()), on="user", how="left", maintain_order="left")
    nothing = pl.lit([], dtype=pl.List(pl.String))
    together = together.with_columns(pl.col("seen").fill_null(nothing), attributes=pl.lit([], ATTRIBUTES))
    return together.select(SNAPSHOT.schema.names()).cast(SNAPSHOT.schema)


def with_known(snapshot: Iterable[pl.DataFrame], known: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The same rows with what the shop says of their users, and behind them a row for each user of whom nothing else is known.

    Args:
        snapshot: Rows of the table in parts, without attributes.
        known: `user_id` and `attributes`.
    """
    for part in snapshot:
        told = part.drop("attributes").join(known, on="user_id", how="left", maintain_order="left")
        yield told.with_columns(pl.col("attributes").fill_null(pl.lit([], ATTRIBUTES))).select(SNAPSHOT.schema.names())
        known = known.join(part, on="user_id", how="anti", maintain_order="left")
    nothing = [pl.lit([], dtype).alias(name) for name, dtype in SNAPSHOT.schema.items() if name not in known.columns]
    yield known.with_columns(nothing).select(SNAPSHOT.schema.names())


STAGE = Stage(
    name="build_snapshot",
    reads=("events", "users", "catalogue"),
    writes="snapshot",
    config=("relevance",),
    sees={"": "date"},
    run=run,
)

"""What serving must know of every user at the start of the day: the history, everything seen, and what the shop says of the user.

The history is whole. A model reads only the newest items of it, but which those are depends on what is posted by day: who clicks what was
bought long ago has still bought it, to training and so to serving.
"""

import itertools
from dataclasses import asdict

import numpy as np
import polars as pl

from feature_store.part_files import write_parts
from feature_store.schema import ATTRIBUTES, SNAPSHOT, USERS, UTC_TIME
from feature_store.user_attributes import as_of
from pipelines.inputs import load_interactions, load_items
from pipelines.stage import Stage, StageContext
from recsys.data.interactions import Interactions
from recsys.vocabulary import Vocabulary

EVENTS_AT_ONCE = 2_000_000
"""About 100 bytes each while their users are worked on."""


def run(context: StageContext) -> None:
    """Write the table `snapshot`."""
    items = load_items(context.read("catalogue"))
    events = context.read("events")
    past = load_interactions(events, items, context.config.relevance, before=context.date)
    known = as_of(context.read("users").scan(USERS), context.date)
    parts = (with_known(build_snapshot(some, items.vocabulary), known) for some in past.in_parts(events=EVENTS_AT_ONCE))
    strangers = known if known.is_empty() else known.filter(~pl.col("user_id").is_in(past.user_ids.tolist()))
    with context.workspace.write(context.stage.writes) as writer:
        written = write_parts(writer, itertools.chain(parts, [without_events(strangers)]), SNAPSHOT)
        rows = written.select(pl.len()).collect().item()
        made_of = {"events": events.manifest.content_digest, "relevance": asdict(context.config.relevance)}
        context.commit(writer, facts={"rows": rows, "as_of": context.date.isoformat(), **made_of})


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


def with_known(snapshot: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The same rows with what the shop says of their users.

    Args:
        snapshot: Rows of the table.
        known: `user_id` and `attributes`.
    """
    if known.is_empty():
        return snapshot
    told = snapshot.drop("attributes").join(known, on="user_id", how="left", maintain_order="left")
    return told.with_columns(pl.col("attributes").fill_null(pl.lit([], ATTRIBUTES)))


def without_events(known: pl.DataFrame) -> pl.DataFrame:
    """A row for each user of whom nothing but attributes is known."""
    nothing = [pl.lit([], dtype).alias(name) for name, dtype in SNAPSHOT.schema.items() if name not in known.columns]
    return known.with_columns(nothing).select(SNAPSHOT.schema.names())


STAGE = Stage(
    name="build_snapshot",
    reads=("events", "users", "catalogue"),
    writes="snapshot",
    config=("relevance",),
    sees={"": "date"},
    run=run,
)

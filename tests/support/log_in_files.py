"""A log of several files with reviews, and what else the stages read that work on all of it."""

from pathlib import Path

import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import EVENTS, REVIEW_SENTIMENT
from tests.support.behaviour import items_of, random_interactions
from tests.support.tables import write_tables


def write_log_in_files(root: Path) -> Workspace:
    """4,000 events in order of time, 1,000 a file."""
    workspace = write_tables(root, random_interactions(0, num_users=60, num_items=40, num_events=4000), items_of(40))
    in_order = workspace.read("events").scan(EVENTS).sort("event_time", maintain_order=True).collect()
    facts = workspace.read("events").manifest.facts
    with workspace.write("events") as writer:
        for place, part in enumerate(in_order.iter_slices(1000)):
            writer.write(part, EVENTS, file=f"event_month=2025-01/part-{place:05d}.parquet")
        writer.commit(facts=facts)
    reviews = in_order.filter(pl.int_range(pl.len()) % 7 == 0).select("event_id", "item_id", "event_time", "known_at")
    with workspace.write("review_sentiment") as writer:
        writer.write(reviews.with_columns(sentiment=pl.lit(0.5), likely_stars=pl.lit(4, pl.Int8)), REVIEW_SENTIMENT)
        writer.commit()
    return workspace

"""Count what is known of items, day by day from the ranker's window on."""

import polars as pl

from feature_store.features.item_features import item_features
from feature_store.schema import EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT
from pipelines.inputs import resolve_cuts
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Write the table `item_features`; see `item_features`."""
    events = context.read("events")
    cuts = resolve_cuts(context.config, events, date=context.date)
    relevance = context.config.relevance
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    sentiment = context.read("review_sentiment").scan(REVIEW_SENTIMENT)
    rows = item_features(events.scan(EVENTS), wanted=wanted, since=cuts.ranker, before=context.date, sentiment=sentiment)
    with context.workspace.write(context.stage.writes) as writer:
        writer.write(rows, ITEM_FEATURES)
        context.commit(writer, facts={"rows": rows.height, "items": rows.select(pl.col("item_id").n_unique()).item()})


STAGE = Stage(
    name="compute_item_features",
    reads=("events", "review_sentiment"),
    writes="item_features",
    config=("relevance", "cuts"),
    sees={"": "date"},
    run=run,
)

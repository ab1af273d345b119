"""Count what is known of items, day by day from the ranker's window on."""

from functools import partial

import polars as pl

from feature_store.features.item_features import ROW_BYTES, item_features, needed_events
from feature_store.features.item_priors import item_priors
from feature_store.part_files import write_parts
from feature_store.schema import EVENTS, ITEM_FEATURES, REVIEW_SENTIMENT
from pipelines.inputs import resolve_cuts
from pipelines.scale.made_parts import made_in_parts
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Write the table `item_features`, some items at a time; see `item_features`."""
    log = context.read("events")
    cuts = resolve_cuts(context.config, log, date=context.date)
    relevance = context.config.relevance
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    sentiment = context.read("review_sentiment").scan(REVIEW_SENTIMENT)
    events = [needed_events(file) for file in log.scan_files(EVENTS)]
    priors = item_priors(events, sentiment, since=cuts.ranker, before=context.date)
    make = partial(item_features, wanted=wanted, since=cuts.ranker, before=context.date, priors=priors, sentiment=sentiment)
    parts = made_in_parts(make, events, "item_id", row_bytes=ROW_BYTES, context=context)
    with context.workspace.write(context.stage.writes) as writer:
        written = write_parts(writer, parts, ITEM_FEATURES)
        items = written.select(pl.col("item_id").n_unique()).collect(engine="streaming").item()
        context.commit(writer, facts={"rows": written.select(pl.len()).collect().item(), "items": items})


STAGE = Stage(
    name="compute_item_features",
    reads=("events", "review_sentiment"),
    writes="item_features",
    config=("relevance", "cuts"),
    sees={"": "date"},
    run=run,
)

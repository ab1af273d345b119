"""Sum up every user as of the night's date."""

from functools import partial

import polars as pl

from feature_store.features.user_features import ROW_BYTES, needed_events, user_features
from feature_store.part_files import write_parts
from feature_store.schema import CATALOGUE, EVENTS, USER_FEATURES
from pipelines.scale.made_parts import made_in_parts
from pipelines.stage import Stage, StageContext

USERS_IN_FILE = 50_000
"""About 1 kB each."""


def run(context: StageContext) -> None:
    """Write the table `user_features`, some users at a time; see `user_features`."""
    relevance = context.config.relevance
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    events = [needed_events(file) for file in context.read("events").scan_files(EVENTS)]
    catalogue = context.read("catalogue").scan(CATALOGUE)
    make = partial(user_features, catalogue=catalogue, wanted=wanted, moment=context.date)
    parts = made_in_parts(make, events, "user_id", row_bytes=ROW_BYTES, context=context)
    with context.workspace.write(context.stage.writes) as writer:
        written = write_parts(writer, parts, USER_FEATURES, rows_in_file=USERS_IN_FILE)
        context.commit(writer, facts={"rows": written.select(pl.len()).collect().item()})


STAGE = Stage(
    name="compute_user_features",
    reads=("events", "catalogue"),
    writes="user_features",
    config=("relevance",),
    sees={"": "date"},
    run=run,
)

"""Sum up every user as of the night's date."""

from feature_store.features.user_features import user_features
from feature_store.schema import CATALOGUE, EVENTS, USER_FEATURES
from pipelines.stage import Stage, StageContext


def run(context: StageContext) -> None:
    """Write the table `user_features`; see `user_features`."""
    relevance = context.config.relevance
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    events, catalogue = context.read("events").scan(EVENTS), context.read("catalogue").scan(CATALOGUE)
    rows = user_features(events, catalogue, wanted=wanted, moment=context.date)
    with context.workspace.write(context.stage.writes) as writer:
        writer.write(rows, USER_FEATURES)
        context.commit(writer, facts={"rows": rows.height})


STAGE = Stage(
    name="compute_user_features",
    reads=("events", "catalogue"),
    writes="user_features",
    config=("relevance",),
    sees={"": "date"},
    run=run,
)

"""Index the item vectors of the retriever that serves, and of the one that is judged."""

import numpy as np

from pipelines.inputs import load_interactions, load_items, resolve_cuts
from pipelines.stage import Stage, StageContext
from recsys.models.retriever import load_retriever
from recsys.retrieval.faiss_index import IndexDescription, build_index, save_index

MOST_QUERIES = 1000
"""Users whose vectors measure the recall of the index."""


def run(context: StageContext) -> None:
    """Write one index per cut; see `STAGE`."""
    items = load_items(context.read("catalogue"))
    events = context.read("events")
    cuts = resolve_cuts(context.config, events, date=context.date)
    told: dict[str, IndexDescription] = {}
    with context.workspace.write(context.stage.writes) as writer:
        for name, moment in {"ranker": cuts.ranker, "validation": cuts.validation, "released": cuts.date}.items():
            retriever = load_retriever(context.read("retriever").folder / name)
            past = load_interactions(events, items, context.config.relevance, before=moment, users=context.read("users"))
            acting = np.flatnonzero(np.diff(past.offsets))
            rows = acting[np.linspace(0, len(acting) - 1, min(MOST_QUERIES, len(acting))).astype(np.int64)]
            queries = retriever.scorer().user_vectors(past, rows)
            available = np.flatnonzero(items.available(moment))
            index, told[name] = build_index(retriever.indexed_vectors()[available], available, queries, context.config.index)
            save_index(writer.folder / name, index, told[name])
        released = told["released"]
        facts = {
            "rows": released.items,
            "kind": released.kind,
            "codes": released.codes,
            "recall_at_100": released.recall_at_100,
            "bytes": released.bytes,
        }
        context.commit(writer, facts=facts)


STAGE = Stage(
    name="build_index",
    reads=("events", "users", "catalogue", "retriever"),
    writes="index",
    config=("index", "relevance", "cuts"),
    sees={"ranker/": "test", "validation/": "test", "": "date"},
    run=run,
)

"""A log and a catalogue as the tables that the night would have written."""

from pathlib import Path

import numpy as np
import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS, KNOWLEDGE, USERS, item_embeddings
from recsys.data.interactions import Interactions
from recsys.data.items import Items


def write_tables(root: Path, log: Interactions, items: Items, users: pl.DataFrame | None = None) -> Workspace:
    """`events` (ratings: 5 where relevant, else 1), `users`, `catalogue`, `item_embeddings` and an empty `knowledge` of a workspace."""
    workspace, ids = Workspace(root), list(items.vocabulary.item_ids)
    events = pl.DataFrame(
        {
            "event_id": [str(number) for number in range(len(log.item_index))],
            "user_id": log.user_ids[log.user_row].tolist(),
            "item_id": [ids[item] for item in log.item_index],
            "event_type": "rating",
            "value": np.where(log.relevant, 5.0, 1.0),
            "event_time": pl.Series(log.event_time).cast(pl.Datetime("us", "UTC")),
            "known_at": pl.Series(log.known_at).cast(pl.Datetime("us", "UTC")),
        }
    )
    categories = [[items.category_names[index]] if index >= 0 else [] for index in items.first_category()]
    catalogue = pl.DataFrame({"item_id": ids, "title": [f"Mug {item}" for item in range(len(ids))], "in_stock": True}).with_columns(
        category=pl.Series(categories, dtype=pl.List(pl.String)), attributes=pl.lit([], CATALOGUE.schema["attributes"])
    )
    facts = {"last": events["event_time"].max().isoformat()}  # type: ignore[union-attr]
    for name, frame, table in (("events", events, EVENTS), ("catalogue", catalogue, CATALOGUE)):
        missing = [pl.lit(None, dtype).alias(column) for column, dtype in table.schema.items() if column not in frame.columns]
        with workspace.write(name) as writer:
            writer.write(frame.with_columns(missing).select(table.schema.names()), table)
            writer.commit(facts=facts if name == "events" else None)
    dims = {name: vectors.shape[1] for name, vectors in items.vectors.items()}
    with workspace.write("users") as writer:
        writer.write(USERS.empty() if users is None else users, USERS)
        writer.commit()
    with workspace.write("knowledge") as writer:
        writer.write(KNOWLEDGE.empty(), KNOWLEDGE)
        writer.commit()
    with workspace.write("item_embeddings") as writer:
        for name, dim in dims.items():
            rows = pl.DataFrame({"item_id": ids, "modality": name, "encoder_version": "1", "content_digest": ids, "presence": True})
            vectors = pl.Series(items.vectors[name], dtype=pl.Array(pl.Float32, dim))
            writer.write(rows.with_columns(vector=vectors), item_embeddings(dim), file=f"modality={name}/part-0000.parquet")
        writer.commit(facts={"dims": dims})
    return workspace

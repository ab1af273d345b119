"""The five tables that everything a night learns starts from, small enough to be held in memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS, KNOWLEDGE, USERS, item_embeddings


@dataclass(frozen=True, kw_only=True)
class SmallTables:
    """Rows of tables of a workspace."""

    events: pl.DataFrame
    """In the order in which they came in."""
    users: pl.DataFrame
    catalogue: pl.DataFrame
    vectors: Mapping[str, pl.DataFrame]
    """modality -> its rows of `item_embeddings`."""
    knowledge: pl.DataFrame

    def write(self, workspace: Workspace) -> None:
        """Make them the tables of a workspace."""
        with workspace.write("events") as writer:
            writer.write(self.events.sort("event_time", maintain_order=True), EVENTS)
            writer.commit()
        with workspace.write("users") as writer:
            writer.write(self.users.sort(USERS.key), USERS)
            writer.commit()
        with workspace.write("catalogue") as writer:
            writer.write(self.catalogue, CATALOGUE)
            writer.commit()
        with workspace.write("knowledge") as writer:
            writer.write(self.knowledge, KNOWLEDGE)
            writer.commit()
        dims = {}
        with workspace.write("item_embeddings") as writer:
            for name, rows in self.vectors.items():
                dtype = rows.schema["vector"]
                assert isinstance(dtype, pl.Array)
                dims[name] = dtype.shape[0]
                writer.write(rows, item_embeddings(dims[name]), file=f"modality={name}/part-0000.parquet")
            writer.commit(facts={"dims": dims})

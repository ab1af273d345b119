from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from feature_store.schema import item_embeddings
from pipelines.config import Config
from pipelines.inputs import load_items, resolve_cuts
from recsys.data.interactions import microseconds
from tests.support.behaviour import day, items_of, random_interactions
from tests.support.tables import write_tables

LOG = random_interactions(0, num_users=20, num_items=10, num_events=200)


def test_the_cuts_do_not_move_by_what_becomes_known_after_the_night(tmp_path: Path) -> None:
    late = np.arange(len(LOG.item_index)) % 5 == 0
    known_at = np.where(late, microseconds(day(101)), LOG.known_at)
    told_late = write_tables(tmp_path / "late", replace(LOG, known_at=known_at), items_of(10)).read("events")
    untold = write_tables(tmp_path / "untold", LOG.keep(~late), items_of(10)).read("events")
    assert resolve_cuts(Config(), told_late, date=day(100)) == resolve_cuts(Config(), untold, date=day(100))


def test_a_modality_that_no_item_has_is_not_loaded(tmp_path: Path) -> None:
    workspace = write_tables(tmp_path, LOG, items_of(10, vectors={"text": np.eye(10, dtype=np.float32)}))
    embeddings = workspace.read("item_embeddings")
    nowhere = pl.read_parquet(embeddings.path("modality=text/part-0000.parquet")).with_columns(
        presence=False, vector=pl.lit(None, item_embeddings(10).schema["vector"])
    )
    with workspace.write("item_embeddings") as writer:
        writer.keep(embeddings, "modality=text/part-0000.parquet")
        writer.write(nowhere, item_embeddings(10), file="modality=description/part-0000.parquet")
        writer.commit(facts={"dims": {"text": 10, "description": 10}})
    items = load_items(workspace.read("catalogue"), workspace.read("item_embeddings"))
    assert list(items.vectors) == list(items.presence) == ["text"]

"""A shop of sixty users with a few months of stars, as the leak audit finds it."""

from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from feature_store.layout import Workspace
from feature_store.schema import USERS
from pipelines.audit.answer import Answer
from pipelines.audit.leaks import audit_leaks
from pipelines.audit.stage import AUDITED
from pipelines.config import Config, parse_config
from pipelines.inputs import resolve_cuts
from pipelines.nightly import end_of_log
from pipelines.progress import Progress
from tests.support.behaviour import day, items_of, random_interactions
from tests.support.tables import write_tables

NUM_ITEMS, DIM = 40, 12
LOG = random_interactions(8, num_users=60, num_items=NUM_ITEMS, num_events=1500)
ITEMS = items_of(
    NUM_ITEMS,
    vectors={"text": np.random.default_rng(0).normal(size=(NUM_ITEMS, DIM)).astype(np.float32)},
    categories=["mug" if item % 2 else "cup" for item in range(NUM_ITEMS)],
)
SAID = pl.DataFrame(
    [(user, "side", ("left", "right")[row % 2], day(5 * row % 97 - 20)) for row, user in enumerate(LOG.user_ids)],
    schema=USERS.schema,
    orient="row",
)
"""What the shop says of its users, of many of them only after a cut."""
SETTINGS = {
    "users": {"attributes": ["side"]},
    "retriever": {"modalities": ["text", "category"], "min_attribute_users": 2},
    "tracking": {"enabled": False},
}


def audited_shop(root: Path) -> Config:
    """Write its tables and say how it is set."""
    write_tables(root, LOG, ITEMS, SAID)
    return parse_config({"workspace": str(root), **SETTINGS})


def answers_of(config: Config, *only: str) -> list[Answer]:
    """What the audit says of it, or some probes alone."""
    workspace = config.open_workspace()
    events = workspace.read("events")
    return audit_leaks(
        events,
        workspace.read("users"),
        workspace.read("catalogue"),
        workspace.read("item_embeddings"),
        workspace.read("knowledge"),
        config=config,
        cuts=resolve_cuts(config, events, date=end_of_log(workspace)),
        stages=AUDITED,
        scratch=Workspace(workspace.root).scratch("audit"),
        progress=Progress(Console(quiet=True)),
        only=only,
    )

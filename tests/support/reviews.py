"""Reviews from a small grammar, in which the stars are planted: real ones travel with no data set at hand."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from feature_store.layout import Workspace
from feature_store.schema import EVENTS
from feature_store.user_names import UserNames

OWN_IDS = UserNames()
OPINIONS = (
    ("terrible", "broke at once", "a waste of money", "awful quality", "I want my money back"),
    ("disappointing", "rather poor", "not worth the price", "it wears out too soon", "I expected more"),
    ("okay", "average", "it does the job", "neither good nor bad", "nothing special"),
    ("good", "solid", "works well", "nice for the price", "I would buy it again"),
    ("excellent", "I love it", "simply perfect", "the best I ever had", "outstanding quality"),
)
"""What people say who give one star to five."""
THINGS = ("mug", "scarf", "lamp", "chair", "kettle", "jacket")
SLIPS = 0.25
"""So often one says what those say who give a star more or less."""


def written(stars: int, random: np.random.Generator) -> str:
    """A review that gives these stars."""

    def opinion() -> str:
        slip = random.choice((-1, 1)) if random.random() < SLIPS else 0
        return str(random.choice(OPINIONS[int(np.clip(stars - 1 + slip, 0, 4))]))

    return f"The {random.choice(THINGS)}: {opinion()}, {opinion()}. Anyway, {opinion()}."


def review(number: int, when: datetime, **more: Any) -> dict[str, Any]:
    """A row of the table `events`, of a user and an item of their own unless told otherwise."""
    row = {"event_id": f"e{number:05d}", "user_id": f"u{number}", "item_id": f"i{number % 7}", "event_type": "review"}
    return row | {"event_time": when, "known_at": when} | more


def write_log(root: Path, rows: Sequence[dict[str, Any]], *, names: UserNames = OWN_IDS) -> None:
    """Make these the table `events` of a workspace, whose users have these names."""
    frame = pl.DataFrame(list(rows), schema=EVENTS.schema).sort("event_time", maintain_order=True)
    with Workspace(root).write("events") as writer:
        writer.write(frame, EVENTS)
        writer.commit(facts={"rows": frame.height, "sources": {}, "user_key": names.key_id})

"""A world whose right answer is known: even users like even items, odd users odd ones, and the content of an item says which it is."""

from dataclasses import replace

import numpy as np
import polars as pl

from feature_store.schema import USERS
from recsys.data.interactions import Interactions, with_attributes
from recsys.data.items import Items
from recsys.data.passed_over import PassedOver
from recsys.training.config import RetrieverConfig
from tests.support.behaviour import day, interactions_of, items_of

NUM_ITEMS = 24
NUM_NEW = 4
"""The last items: on sale, met by nobody."""

SMALL = RetrieverConfig(
    embedding_dim=16,
    history_length=6,
    blocks=1,
    heads=2,
    dropout=0.0,
    modalities=("text", "category"),
    epochs=15,
    tokens_per_batch=40,
    learning_rate=5e-3,
    warmup_steps=1,
)
SEEING = replace(SMALL, modalities=("image", "text", "category"))
"""For `seeing_items`."""


def taste_items() -> Items:
    """Items with a text vector and a category that both tell even from odd."""
    parity = np.arange(NUM_ITEMS) % 2
    noise = np.random.default_rng(0).normal(0, 0.1, (NUM_ITEMS, 8)).astype(np.float32)
    noise[:, 0] += 1 - 2 * parity
    categories = ["even" if number == 0 else "odd" for number in parity]
    return items_of(NUM_ITEMS, vectors={"text": noise}, presence={"text": np.ones(NUM_ITEMS, bool)}, categories=categories)


def seeing_items() -> Items:
    """The same; their photos show what their texts say, turned round."""
    items = taste_items()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0].astype(np.float32)
    vectors = {**items.vectors, "image": items.vectors["text"] @ turn}
    return replace(items, vectors=vectors, presence={name: np.ones(len(items), bool) for name in vectors})


def taste_interactions(*, num_users: int = 60, seed: int = 0) -> Interactions:
    """Each user likes five known items of the own kind."""
    generator = np.random.default_rng(seed)
    rows = []
    for user in range(num_users):
        mine = np.arange(user % 2, NUM_ITEMS - NUM_NEW, 2)
        rows += [(f"u{user:03d}", int(item), float(day)) for day, item in enumerate(generator.permutation(mine)[:5])]
    return interactions_of(rows, num_items=NUM_ITEMS)


def told_interactions() -> Interactions:
    """The same; since before the first event the shop knows of every user, and of two strangers, which side they are on."""
    past = taste_interactions()
    sides = {user: ("even", "odd")[row % 2] for row, user in enumerate(past.user_ids)} | {"even stranger": "even", "odd stranger": "odd"}
    rows = [(user, "side", side, day(-1)) for user, side in sides.items()]
    return with_attributes(past, pl.DataFrame(rows, schema=USERS.schema, orient="row"))


def taste_passed_over(*, num_users: int = 60) -> PassedOver:
    """Each user was shown the first three items of the other kind, one of the new ones, and wanted none."""
    shown = [[*range(1 - user % 2, 6, 2), NUM_ITEMS - 1] for user in range(num_users)]
    return PassedOver(
        user_ids=np.array([f"u{user:03d}" for user in range(num_users)], dtype=object),
        offsets=np.arange(num_users + 1) * 4,
        item_index=np.array(shown, np.int64).flatten(),
    )

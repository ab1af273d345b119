"""The baseline learns what comes next from ids alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from recsys.data.interactions import Interactions
from recsys.data.sequences import SHARE_IN_ORDER
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training.retriever import train_retriever
from recsys.training.sasrec import sasrec_settings
from tests.support.behaviour import interactions_of, items_of
from tests.support.taste_world import SMALL

CYCLE = 12


def walks(num_users: int) -> Interactions:
    """Everybody walks round the same circle of items from a place of the own."""
    rows = [(f"u{user:03d}", (user + step) % CYCLE, float(step)) for user in range(num_users) for step in range(6)]
    return interactions_of(rows, num_items=CYCLE)


def test_the_next_item_of_a_walk_is_the_first_of_the_list(tmp_path: Path) -> None:
    config = sasrec_settings(replace(SMALL, order="free", half_life_days=9.0, block_kind="hstu", id_rows=5))
    assert (config.block_kind, config.id_rows) == ("transformer", 0)
    past, items = walks(48), items_of(CYCLE)
    training = train_retriever(items, past, config, epochs=40, validate=None, scratch=tmp_path, track=lambda batches, **_: batches)
    model = Ensemble([training.model], in_order=SHARE_IN_ORDER[config.order])
    scorer = TwoTowerScorer(model, embed_catalogue(training.model, training.items, np.zeros(CYCLE)), config.history_length)
    best = scorer.scores(past, np.arange(48)).argmax(axis=1)
    assert (best == (np.arange(48) + 6) % CYCLE).mean() > 0.9


def test_content_changes_nothing(tmp_path: Path) -> None:
    config, past = sasrec_settings(SMALL), walks(12)

    def vectors(name: str, content: np.ndarray) -> np.ndarray:
        items = items_of(CYCLE, vectors={"text": content.astype(np.float32)})
        training = train_retriever(
            items, past, config, epochs=1, validate=None, scratch=tmp_path / name, track=lambda batches, **_: batches
        )
        return embed_catalogue(training.model, training.items, np.zeros(CYCLE))

    generator = np.random.default_rng(0)
    np.testing.assert_array_equal(vectors("one", generator.normal(size=(CYCLE, 8))), vectors("other", generator.normal(size=(CYCLE, 8))))

"""What the model holds likeliest for a history, and the history does not hold itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recsys.data.tensors import item_batch
from recsys.models.architecture import build_towers
from recsys.models.ensemble import Ensemble
from recsys.models.two_tower_scorer import TwoTowerScorer, embed_catalogue
from recsys.training import nearest
from recsys.training.inputs import tower_shape, training_sequences
from recsys.training.nearest import NearestItems
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_interactions, taste_items

CONFIG = replace(SMALL, order="time", modalities=(), tokens_per_batch=100)


@pytest.mark.parametrize("size", [4, 100])
def test_a_pool_is_what_the_user_would_be_shown(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(nearest, "POOL", size)
    items, past = taste_items(), taste_interactions(num_users=3)
    torch.manual_seed(0)
    model = build_towers(tower_shape(items, CONFIG)).eval()
    vectors = embed_catalogue(model, item_batch(items, has_id=np.ones(NUM_ITEMS, bool), modalities=()), np.zeros(NUM_ITEMS))
    (batch,) = training_sequences(past, CONFIG).epoch(0)
    pools = NearestItems(model, torch.from_numpy(vectors)).pools(batch, torch.from_numpy(batch.item_index), 1)
    for user, scores in enumerate(
        TwoTowerScorer(Ensemble([model], in_order=1.0), vectors, CONFIG.history_length).scores(past, np.arange(3))
    ):
        history = past.of_user(user).item_index
        scores[history] = -np.inf
        piece = int(np.flatnonzero((batch.item_index[:, :5] == history).all(axis=1))[0])
        shown = np.argsort(-scores)[: min(size, NUM_ITEMS - 5)]
        assert set(pools.rows[pools.owner == piece].tolist()) == set(shown.tolist())

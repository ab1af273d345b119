from dataclasses import replace

import numpy as np
import pytest
import torch

from recsys.data.tensors import ItemBatch, item_batch
from recsys.layers.fusion import FUSIONS
from recsys.models.architecture import build_towers
from recsys.models.item_shares import fused_shares
from recsys.models.two_tower import TwoTower
from recsys.training.inputs import tower_shape
from tests.support.taste_world import NUM_ITEMS, SMALL, taste_items

USER = torch.linspace(-1, 1, SMALL.embedding_dim)


def model_and_item(*, fusion: str = "attention", has_id: bool = True) -> tuple[TwoTower, ItemBatch]:
    torch.manual_seed(0)
    model = build_towers(tower_shape(taste_items(), replace(SMALL, fusion=fusion))).eval().requires_grad_(False)
    model.item_tower.fit_whitening(taste_items())
    items = item_batch(taste_items(), has_id=np.full(NUM_ITEMS, has_id), modalities=SMALL.modalities)
    return model, model.item_tower.prepare(items.select(torch.tensor([3])))


@pytest.mark.parametrize("fusion", sorted(FUSIONS))
def test_shares_and_rest_add_up_to_the_fused_part(fusion: str) -> None:
    model, item = model_and_item(fusion=fusion)
    shares = fused_shares(model, item, USER)
    whole = float(model.embed_items(item)[0][0, : len(USER)] @ USER)
    assert list(shares) == ["id", "text", "category", "rest"]
    assert sum(shares.values()) == pytest.approx(whole, abs=1e-5)


def test_a_modality_that_the_item_lacks_adds_nothing() -> None:
    model, item = model_and_item()
    assert fused_shares(model, item.hiding({"text": torch.tensor([True])}), USER)["text"] == 0


@pytest.mark.parametrize("has_id", [True, False])
def test_the_share_of_text_is_what_is_lost_without_it(has_id: bool) -> None:
    model, item = model_and_item(has_id=has_id)
    hidden = item.hiding({"text": torch.tensor([True])})
    lost = float((model.embed_items(item)[0] - model.embed_items(hidden)[0])[0, : len(USER)] @ USER)
    assert fused_shares(model, item, USER)["text"] == pytest.approx(lost, abs=1e-6)


def test_an_item_that_nobody_has_met_owes_nothing_to_its_id_but_something_to_its_category() -> None:
    model, item = model_and_item(has_id=False)
    shares = fused_shares(model, item, USER)
    assert shares["id"] == 0
    assert abs(shares["category"]) > 1e-6

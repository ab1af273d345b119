from dataclasses import replace

import numpy as np
import torch

from recsys.data.tensors import ItemBatch, item_batch
from recsys.models.architecture import build_towers
from recsys.models.item_tower import ItemTower
from recsys.models.likeness import Likeness
from recsys.training.inputs import tower_shape
from tests.support.taste_world import NUM_ITEMS, SEEING, seeing_items

SHAPE = tower_shape(seeing_items(), SEEING)


def fitted(worth: dict[str, float]) -> tuple[Likeness, ItemTower, ItemBatch]:
    torch.manual_seed(0)
    tower = build_towers(SHAPE).eval().requires_grad_(False).item_tower
    tower.fit_whitening(seeing_items())
    tower.weigh_content({name: torch.tensor([value]) for name, value in worth.items()})
    batch = item_batch(seeing_items(), has_id=np.zeros(NUM_ITEMS, bool), modalities=SHAPE.modalities)
    likeness = Likeness(tower.prepared_dims)
    likeness.fit(tower, batch)
    return likeness, tower, batch


def test_items_of_one_kind_are_more_alike_than_items_of_two() -> None:
    likeness, tower, batch = fitted({"text": 1.0, "image": 1.0})
    vectors = likeness(tower, batch)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(NUM_ITEMS))
    alike = vectors @ vectors.T
    same = torch.arange(NUM_ITEMS)[:, None] % 2 == torch.arange(NUM_ITEMS) % 2
    assert alike[same].min() > alike[~same].max()


def test_an_item_without_content_is_like_none_and_one_without_a_photo_goes_by_its_words() -> None:
    likeness, tower, batch = fitted({"text": 1.0, "image": 1.0})
    everything = torch.ones(NUM_ITEMS, dtype=torch.bool)
    assert not likeness(tower, batch.hiding({"text": everything, "image": everything})).any()
    blind = batch.hiding({"image": everything})
    other_photos = replace(blind, vectors={**blind.vectors, "image": torch.randn(NUM_ITEMS, 8)})
    assert torch.equal(likeness(tower, blind), likeness(tower, other_photos))
    assert likeness(tower, blind).any()


def test_a_modality_counts_what_the_log_says_it_is_worth() -> None:
    likeness, tower, batch = fitted({"text": 1.0, "image": 0.04})
    shuffled = replace(batch, vectors={**batch.vectors, "image": batch.vectors["image"].flip(0)})  # odd photos for even items
    agreement = (likeness(tower, batch) * likeness(tower, shuffled)).sum(dim=1)
    assert agreement.min() > 0.8
    likeness, tower, batch = fitted({"text": 0.04, "image": 1.0})
    agreement = (likeness(tower, batch) * likeness(tower, shuffled)).sum(dim=1)
    assert agreement.max() < 0


def test_it_does_not_ask_whether_an_item_is_known() -> None:
    likeness, tower, batch = fitted({"text": 1.0, "image": 1.0})
    known = replace(batch, has_id=torch.ones(NUM_ITEMS, dtype=torch.bool))
    assert torch.equal(likeness(tower, batch), likeness(tower, known))

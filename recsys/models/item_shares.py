"""What each thing that is known of an item adds to a user's score of it, by leaving it out."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from recsys.data.tensors import ItemBatch
from recsys.models.two_tower import TwoTower


def fused_shares(model: TwoTower, item: ItemBatch, user: Float[Tensor, " dim"]) -> dict[str, float]:
    """`id` and modality -> by how much the user's dot product with the fused vector falls without it; `rest` is what is left of it.

    An item without its id is one that nobody has met. What two things say only together, or both say, is in the rest.

    Args:
        model: In inference mode.
        item: A single prepared item.
        user: Fused coordinates of the user vector, temperature and question in them.
    """
    without = {"id": item.without_ids()} | {name: _without(item, name) for name in model.item_tower.modalities}
    with torch.inference_mode():
        whole = _product(model, item, user)
        shares = {name: whole - _product(model, other, user) for name, other in without.items()}
    return shares | {"rest": whole - sum(shares.values())}


def _product(model: TwoTower, item: ItemBatch, user: Tensor) -> float:
    return float(model.embed_items(item)[0][0, : len(user)] @ user)


def _without(item: ItemBatch, modality: str) -> ItemBatch:
    hidden = item.hiding({modality: torch.ones(len(item), dtype=torch.bool)})
    return replace(hidden, categories=torch.zeros_like(item.categories)) if modality == "category" else hidden

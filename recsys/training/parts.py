"""Parts of the score beside the towers, made when these have been trained."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from recsys.data.interactions import Interactions
from recsys.data.item_to_item import LIKENESS, LINEAR, ItemToItem
from recsys.data.items import Items
from recsys.data.relevance import NUM_KINDS, SEEN_KINDS
from recsys.data.tensors import item_batch
from recsys.models.ensemble import Ensemble, with_parts
from recsys.models.likeness import Likeness
from recsys.training.linear_part import linear_columns

CONTEXT_WORTH = 0.5
"""In the linear part, of an event that does not say «wanted» but makes an item seen, beside one that does."""
KNOWN_AFTER = 1.0
"""Users who have met an item, after whom its likeness counts half as much as a new item's, and so on down with their number."""


def give_parts(
    model: Ensemble,
    vectors: npt.NDArray[np.float32],
    items: Items,
    past: Interactions,
    *,
    weights: Mapping[str, float],
    seed: int,
) -> npt.NDArray[np.float32]:
    """Give a trained model further parts, and its item vectors their coordinates.

    Args:
        model: As trained.
        vectors: (items, dim + BEHIND) its item vectors.
        items: The catalogue.
        past: What the model has learned from.
        weights: Part -> what it counts. One that is not named, or of which nothing can be said, is left out.
        seed: See `linear_columns`.

    Returns:
        (items, dim + sizes of the parts + BEHIND)
    """
    parts: dict[ItemToItem, Tensor] = {}
    if LINEAR in weights and model.members[0].item_tower.use_item_id:
        worth = _kind_worth(past, beside=CONTEXT_WORTH)
        linear = linear_columns(past, kind_worth=worth, seed=seed)
        if linear is not None:
            part = ItemToItem(name=LINEAR, dim=linear.shape[1] - 1, weight=weights[LINEAR], kind_worth=worth)
            parts[part] = torch.from_numpy(linear)
    if LIKENESS in weights and model.members[0].item_tower.prepared_dims:
        model.likeness = Likeness(model.members[0].item_tower.prepared_dims)
        columns = _fit_likeness(model.likeness, model, items, past)
        part = ItemToItem(name=LIKENESS, dim=model.likeness.dim, weight=weights[LIKENESS], kind_worth=_kind_worth(past, beside=0.0))
        parts[part] = columns
    model.parts = tuple(parts)
    return with_parts(torch.from_numpy(vectors), list(parts.values())).numpy()


def _fit_likeness(likeness: Likeness, model: Ensemble, items: Items, past: Interactions) -> Float[Tensor, "items size"]:
    tower = model.members[0].item_tower  # content is the same to all members
    met = np.bincount(past.distinct().item_index, minlength=len(items))
    everything = item_batch(items, has_id=met > 0, modalities=tower.modalities)
    with torch.inference_mode():
        likeness.fit(tower, everything)
        new = torch.from_numpy(KNOWN_AFTER / (KNOWN_AFTER + met)).float()[:, None]
        return torch.cat([likeness(tower, everything) * new, 1 / new], dim=1)


def _kind_worth(past: Interactions, *, beside: float) -> tuple[float, ...]:
    """(NUM_KINDS,): 1 for kinds that say «wanted», `beside` for others after which an item is seen."""
    return tuple(1.0 if kind in past.relevant_kinds else beside if kind in SEEN_KINDS else 0.0 for kind in range(NUM_KINDS))

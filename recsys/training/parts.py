"""Parts of the score beside the towers, made when these have been trained."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

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
from recsys.models.ensemble import Ensemble, with_part_columns
from recsys.models.likeness import Likeness
from recsys.models.two_tower_scorer import item_blocks
from recsys.training.linear_part import linear_columns

CONTEXT_WORTH = 0.5
"""In the linear part, of an event that does not say «wanted» but makes an item seen, beside one that does."""
KNOWN_AFTER = 1.0
"""Users who have met an item, after whom its likeness counts half as much as a new item's, and so on down with their number."""
FITTED_ON = 100_000
"""Items at most that the directions of likeness are found by."""


@dataclass(frozen=True)
class FittedPart:
    """A part of the score for a catalogue."""

    part: ItemToItem
    columns: Float[Tensor, "items size"]
    likeness: Likeness | None = None
    """What made the columns, where that is what they are."""


def fit_parts(model: Ensemble, items: Items, past: Interactions, *, names: Collection[str], seed: int) -> list[FittedPart]:
    """Parts for a trained model, of weight 1; one of which nothing can be said, as there is no content or no id, is left out.

    Args:
        model: As trained.
        items: The catalogue.
        past: What the model has learned from.
        names: Which.
        seed: See `linear_columns`; also of the items that the directions of likeness are found by.
    """
    fitted = []
    if LINEAR in names and model.members[0].item_tower.use_item_id:
        worth = _kind_worth(past, beside=CONTEXT_WORTH)
        linear = linear_columns(past, kind_worth=worth, seed=seed)
        if linear is not None:
            part = ItemToItem(name=LINEAR, dim=linear.shape[1] - 1, weight=1.0, kind_worth=worth)
            fitted.append(FittedPart(part, torch.from_numpy(linear)))
    if LIKENESS in names and model.members[0].item_tower.prepared_dims:
        likeness = Likeness(model.members[0].item_tower.prepared_dims)
        columns = _fit_likeness(likeness, model, items, past, seed=seed)
        part = ItemToItem(name=LIKENESS, dim=likeness.dim, weight=1.0, kind_worth=_kind_worth(past, beside=0.0))
        fitted.append(FittedPart(part, columns, likeness))
    return fitted


def give_parts(
    model: Ensemble, vectors: npt.NDArray[np.float32], fitted: Sequence[FittedPart], weights: Mapping[str, float]
) -> npt.NDArray[np.float32]:
    """Give a model these parts in place of those it has, and its item vectors their coordinates.

    Args:
        model: As trained.
        vectors: (items, dim + BEHIND) its item vectors.
        fitted: Its parts.
        weights: Part -> what it counts; those that are not named are left out.

    Returns:
        (items, dim + sizes of the parts + BEHIND)
    """
    kept = [each for each in fitted if each.part.name in weights]
    model.parts = tuple(replace(each.part, weight=weights[each.part.name]) for each in kept)
    model.likeness = next((each.likeness for each in kept if each.likeness is not None), None)
    return with_part_columns(torch.from_numpy(vectors), [each.columns for each in kept]).numpy()


def _fit_likeness(likeness: Likeness, model: Ensemble, items: Items, past: Interactions, *, seed: int) -> Float[Tensor, "items size"]:
    tower = model.members[0].item_tower  # content is the same to all members
    everything = item_batch(items, has_id=np.ones(len(items), bool), modalities=tower.modalities)
    met = np.bincount(past.distinct().item_index, minlength=len(items))
    shorter = torch.from_numpy(KNOWN_AFTER / (KNOWN_AFTER + met)).float()[:, None]
    some = np.random.default_rng(seed).choice(len(items), min(FITTED_ON, len(items)), replace=False)
    with torch.inference_mode():
        likeness.fit(tower, everything.select(torch.from_numpy(np.sort(some))))
        alike = torch.cat([likeness(tower, block) for block in item_blocks(everything)])
    return torch.cat([alike * shorter, 1 / shorter], dim=1)


def _kind_worth(past: Interactions, *, beside: float) -> tuple[float, ...]:
    """(NUM_KINDS,): 1 for kinds that say «wanted», `beside` for others after which an item is seen."""
    return tuple(1.0 if kind in past.relevant_kinds else beside if kind in SEEN_KINDS else 0.0 for kind in range(NUM_KINDS))

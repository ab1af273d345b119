"""Items as tensors: what the item tower reads."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recsys.data.items import Items
from recsys.data.knowledge import MAX_ENTITIES

TOLD = ("category", "knowledge")
"""Modalities that are no vectors: names the catalogue or the knowledge tells."""
MAX_CATEGORIES = 8
"""Categories of an item that count, widest first."""


@dataclass(frozen=True)
class ItemBatch:
    """Some items, each with what is known of it."""

    item_index: Int[Tensor, " items"]
    has_id: Bool[Tensor, " items"]
    """False: the item is too new for its id to mean anything; its content speaks alone."""
    vectors: dict[str, Float[Tensor, "items _"]]
    """modality -> vectors, as encoded or already whitened: see `ItemTower.prepare`."""
    presence: dict[str, Bool[Tensor, " items"]]
    """modality -> whether the item has it; `category` among them."""
    categories: Int[Tensor, "items slots"]
    """Category index + 1, 0 where an item has no further one."""
    entities: dict[str, Int[Tensor, "items slots"]] = field(default_factory=dict)
    """Relation -> entity index + 1, 0 where an item has no further one; `knowledge` is their presence."""

    def __len__(self) -> int:
        return len(self.item_index)

    def select(self, rows: Int[Tensor, " chosen"] | slice) -> "ItemBatch":
        """Some of these items; a run of them is not copied."""
        return ItemBatch(
            self.item_index[rows],
            self.has_id[rows],
            {name: vectors[rows] for name, vectors in self.vectors.items()},
            {name: present[rows] for name, present in self.presence.items()},
            self.categories[rows],
            {name: slots[rows] for name, slots in self.entities.items()},
        )

    def to(self, device: torch.device) -> "ItemBatch":
        """The same items on a device."""
        return ItemBatch(
            self.item_index.to(device),
            self.has_id.to(device),
            {name: vectors.to(device) for name, vectors in self.vectors.items()},
            {name: present.to(device) for name, present in self.presence.items()},
            self.categories.to(device),
            {name: slots.to(device) for name, slots in self.entities.items()},
        )

    def hiding(self, modalities: dict[str, Bool[Tensor, " items"]]) -> "ItemBatch":
        """The same items, with a modality taken from those that are marked."""
        presence = {name: present & ~modalities[name] if name in modalities else present for name, present in self.presence.items()}
        return replace(self, presence=presence)

    def told_entities(self) -> dict[str, Int[Tensor, "items slots"]]:
        """The entities of those items whose knowledge is not hidden."""
        return {name: torch.where(self.presence["knowledge"][:, None], slots, 0) for name, slots in self.entities.items()}

    def without_ids(self) -> "ItemBatch":
        """The same items as if nobody had met them yet."""
        return replace(self, has_id=torch.zeros_like(self.has_id))


def item_batch(items: Items, *, has_id: np.ndarray, modalities: tuple[str, ...]) -> ItemBatch:
    """All items of a catalogue.

    Args:
        items: The catalogue.
        has_id: (items,) whether the item's past is long enough for its id to be used.
        modalities: Content to take along: names of `items.vectors`, `category`, and `knowledge` for all relations.

    Raises:
        KeyError: A modality is not in the catalogue; those that are, are named.
    """
    content = [name for name in modalities if name not in TOLD]
    unknown = [name for name in content if name not in items.vectors]
    if unknown:
        raise KeyError(
            f"no embeddings of modality {unknown}; the night has encoded {sorted(items.vectors)}, and {' and '.join(TOLD)} are always there"
        )
    categories = _padded(items.category_offsets, items.category_index, most=MAX_CATEGORIES)
    relations = items.knowledge if "knowledge" in modalities else {}
    entities = {name: _padded(bags.offsets, bags.index, most=MAX_ENTITIES) for name, bags in relations.items()}
    presence = {name: torch.from_numpy(items.presence[name]) for name in content}
    if "category" in modalities:
        presence["category"] = categories[:, 0] > 0
    if "knowledge" in modalities:
        presence["knowledge"] = sum((slots[:, 0] for slots in entities.values()), torch.zeros_like(categories[:, 0])) > 0
    return ItemBatch(
        item_index=torch.arange(len(items)),
        has_id=torch.from_numpy(has_id),
        vectors={name: torch.from_numpy(items.vectors[name]) for name in content},
        presence=presence,
        categories=categories,
        entities=entities,
    )


def _padded(offsets: npt.NDArray[np.int64], index: npt.NDArray[np.int64], *, most: int) -> Int[Tensor, "items slots"]:
    """The first `most` of each item's index + 1, side by side, 0 behind the last."""
    counts = np.diff(offsets)
    slots = min(most, int(counts.max(initial=1))) or 1
    place = offsets[:-1, None] + np.arange(slots)
    filled = np.arange(slots) < counts[:, None]
    some = index if len(index) else np.zeros(1, np.int64)
    return torch.from_numpy(np.where(filled, some[np.minimum(place, len(some) - 1)] + 1, 0))

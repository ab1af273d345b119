"""Items as tensors: what the item tower reads."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recsys.data.items import Items

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

    def __len__(self) -> int:
        return len(self.item_index)

    def select(self, rows: Int[Tensor, " chosen"]) -> "ItemBatch":
        """Some of these items."""
        return ItemBatch(
            self.item_index[rows],
            self.has_id[rows],
            {name: vectors[rows] for name, vectors in self.vectors.items()},
            {name: present[rows] for name, present in self.presence.items()},
            self.categories[rows],
        )

    def hiding(self, modalities: dict[str, Bool[Tensor, " items"]]) -> "ItemBatch":
        """The same items, with a modality taken from those that are marked."""
        presence = {name: present & ~modalities[name] if name in modalities else present for name, present in self.presence.items()}
        return replace(self, presence=presence)

    def without_ids(self) -> "ItemBatch":
        """The same items as if nobody had met them yet."""
        return replace(self, has_id=torch.zeros_like(self.has_id))


def item_batch(items: Items, *, has_id: np.ndarray, modalities: tuple[str, ...]) -> ItemBatch:
    """All items of a catalogue.

    Args:
        items: The catalogue.
        has_id: (items,) whether the item's past is long enough for its id to be used.
        modalities: Content to take along: names of `items.vectors`, and `category`.

    Raises:
        KeyError: A modality is not in the catalogue; those that are, are named.
    """
    unknown = [name for name in modalities if name != "category" and name not in items.vectors]
    if unknown:
        raise KeyError(
            f"no embeddings of modality {unknown}; the night has encoded {sorted(items.vectors)}, and `category` is always there"
        )
    counts = np.diff(items.category_offsets)
    slots = min(MAX_CATEGORIES, int(counts.max(initial=1))) or 1
    place = items.category_offsets[:-1, None] + np.arange(slots)
    filled = np.arange(slots) < counts[:, None]
    index = items.category_index if len(items.category_index) else np.zeros(1, np.int64)
    categories = np.where(filled, index[np.minimum(place, len(index) - 1)] + 1, 0)
    content = [name for name in modalities if name != "category"]
    presence = {name: torch.from_numpy(items.presence[name]) for name in content}
    return ItemBatch(
        item_index=torch.arange(len(items)),
        has_id=torch.from_numpy(has_id),
        vectors={name: torch.from_numpy(items.vectors[name]) for name in content},
        presence=presence | ({"category": torch.from_numpy(counts > 0)} if "category" in modalities else {}),
        categories=torch.from_numpy(categories),
    )

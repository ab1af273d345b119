"""What an item looks, reads and is like, as coordinates of their own beside the fused vector: alike content, high dot product."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recsys.data.tensors import ItemBatch
from recsys.models.knowledge_bags import KnowledgeBags

CATEGORY_DIM = 32
"""Coordinates for the match of categories."""
RELATION_DIM = 16
"""Coordinates for the match of the entities of one relation."""


class ContentMatch(nn.Module):
    """One block of coordinates per modality; the dot product of two items' blocks says how alike they are in it.

    Fused vectors must serve the ids first, so what content alone could tell is learned there only where ids leave something to explain,
    which helps an item without events little. Here content meets content: each block starts as the leading directions of the whitened
    vectors, which is a nearest-neighbour search by content, and training turns it from there. A modality that an item lacks is all zero and
    says nothing. Without an id beside them, blocks weigh what they have learned to alone.

    Args:
        content_dims: modality -> length of its prepared (whitened) vectors.
        num_categories: Categories of the catalogue; None where they take no part.
        relations: Relation -> number of its entities; a block each.
        match_dim: Coordinates per modality, at most; 0 switches the whole off.
    """

    def __init__(self, *, content_dims: dict[str, int], num_categories: int | None, relations: dict[str, int], match_dim: int) -> None:
        super().__init__()
        self.blocks = {name: min(size, match_dim) for name, size in content_dims.items() if match_dim}
        self.content = nn.ModuleDict({name: _leading_coordinates(content_dims[name], size) for name, size in self.blocks.items()})
        self.categories = None
        if num_categories is not None and match_dim:
            self.blocks["category"] = min(CATEGORY_DIM, match_dim)
            self.categories = nn.Embedding(num_categories + 1, self.blocks["category"], padding_idx=0)
            nn.init.normal_(self.categories.weight[1:], std=0.6 * self.blocks["category"] ** -0.5)
        self.knowledge = None
        if relations and match_dim:
            size = min(RELATION_DIM, match_dim)
            self.blocks |= {f"knowledge.{name}": size for name in relations}
            self.knowledge = KnowledgeBags(relations, size, spread=0.6 * size**-0.5)
        self.alone = nn.Parameter(torch.ones(len(self.blocks)))
        self.dim = sum(self.blocks.values())

    def forward(self, items: ItemBatch) -> Float[Tensor, "items match_dims"]:
        """Coordinates of prepared items."""
        parts = [self._content(items, name) for name in self.content]
        if self.categories is not None:
            number = (items.categories > 0).sum(dim=1, keepdim=True).clamp(min=1)
            parts.append(self.categories(items.categories).sum(dim=1) / number.sqrt())  # (items, slots, dim) -> (items, dim)
        if self.knowledge is not None:
            means, counts = self.knowledge(items.told_entities())
            parts += (means * counts.sqrt()[:, :, None]).unbind(dim=1)  # (items, relations, dim) -> (items, dim) each
        if not parts:
            return torch.zeros(len(items), 0, device=items.has_id.device)
        worth = torch.where(items.has_id[:, None], 1.0, self.alone)  # (items, blocks)
        return torch.cat([part * worth[:, number, None] for number, part in enumerate(parts)], dim=1)

    def weigh(self, worth: float) -> None:
        """Let dot products within the blocks of content count so many times as much as they did."""
        for layer in self.content.values():
            assert isinstance(layer, nn.Linear)
            layer.weight.data.mul_(worth**0.5)

    def _content(self, items: ItemBatch, name: str) -> Tensor:
        vectors = items.vectors[name]
        matched: Tensor = self.content[name](vectors * vectors.shape[1] ** -0.5)  # of unit length, were it not weighed
        return torch.where(items.presence[name][:, None], matched, 0.0)


def _leading_coordinates(input_dim: int, output_dim: int) -> nn.Linear:
    """A layer that starts by keeping the first coordinates as they are."""
    layer = nn.Linear(input_dim, output_dim, bias=False)
    nn.init.eye_(layer.weight)
    return layer

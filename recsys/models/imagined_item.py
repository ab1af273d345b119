"""What an item's fused vector would be, judged by its content: how an item nobody has met yet finds its place."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recsys.data.tensors import ItemBatch
from recsys.models.knowledge_bags import KnowledgeBags

HIDDEN_DROPOUT = 0.5
"""Content tells items apart that were met from each other better than it tells what new ones are like; without this it is too sure."""


class ImaginedItem(nn.Module):
    """Content to fused vector and biases (in the way of DropoutNet, Volkovs et al., NeurIPS 2017, but with weights of its own).

    It learns beside the towers and nothing else learns from it, so known items do not pay for new ones. For an item without any content it
    gives a learned constant.

    Args:
        content_dims: modality -> length of its prepared vectors; modalities of the item tower but `category`.
        num_categories: Categories of the catalogue; None where they take no part.
        relations: Relation -> number of its entities.
        dim: Length of what it stands in for: the fused vector or, of a late ensemble, the id's block.
        biases: Further outputs.
        hidden_dim: Width of the middle layer.
    """

    def __init__(
        self,
        *,
        content_dims: dict[str, int],
        num_categories: int | None,
        relations: dict[str, int],
        dim: int,
        biases: int,
        hidden_dim: int = 128,
    ) -> None:
        super().__init__()
        self.content = nn.ModuleDict({name: nn.Linear(size, hidden_dim, bias=False) for name, size in content_dims.items()})
        self.categories = None if num_categories is None else nn.Embedding(num_categories + 1, hidden_dim, padding_idx=0)
        self.knowledge = KnowledgeBags(relations, hidden_dim, spread=1.0) if relations else None
        self.start = nn.Parameter(torch.zeros(hidden_dim))
        self.absent = nn.Parameter(torch.zeros(len(content_dims), hidden_dim))
        self.out = nn.Sequential(nn.LayerNorm(hidden_dim), nn.GELU(), nn.Dropout(HIDDEN_DROPOUT), nn.Linear(hidden_dim, dim + biases))
        self.dim = dim

    def forward(self, items: ItemBatch) -> tuple[Float[Tensor, "items dim"], Float[Tensor, "items biases"]]:
        """Imagined fused vectors and biases of prepared items."""
        hidden = self.start.expand(len(items), -1)
        if self.categories is not None:
            hidden = hidden + self.categories(items.categories).sum(dim=1)  # (items, slots, hidden) -> (items, hidden)
        if self.knowledge is not None:
            hidden = hidden + self.knowledge(items.told_entities())[0].sum(dim=1)  # (items, relations, hidden) -> (items, hidden)
        for number, (name, layer) in enumerate(self.content.items()):
            hidden = hidden + torch.where(items.presence[name][:, None], layer(items.vectors[name]), self.absent[number])
        imagined: Tensor = self.out(hidden)
        return imagined[:, : self.dim], imagined[:, self.dim :]

"""Two towers and the score of a user for an item."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recsys.data.tensors import ItemBatch
from recsys.models.imagined_item import ImaginedItem
from recsys.models.item_tower import ItemTower
from recsys.models.user_tower import UserTower

QUESTIONS = 2
"""What may be asked of a user: 0 any event, 1 a wanted one."""
WANTED = 1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0


class TwoTower(nn.Module):
    """Score a user and an item by the dot product of their vectors over a learned temperature, plus the item's bias.

    Which event is asked for (one the user wants, or any) is a flag of the question, as liked and disliked items share most of their causes:
    the model learns from both and is asked for the first.

    Args:
        item_tower: Maps items to (items, dim).
        user_tower: Maps histories of item vectors to states (batch, 1 + length, dim).
        dim: Length of an id embedding; vectors are longer by the coordinates of `ContentMatch`.
        num_items: Rows of the bias table.
    """

    def __init__(self, item_tower: ItemTower, user_tower: UserTower, *, dim: int, num_items: int) -> None:
        super().__init__()
        self.item_tower = item_tower
        self.user_tower = user_tower
        self.imagined_item = ImaginedItem(
            content_dims=item_tower.prepared_dims,
            num_categories=item_tower.categories.num_embeddings - 1 if "category" in item_tower.modalities else None,
            relations=item_tower.relations,
            dim=next(iter(item_tower.parts.values())),
            biases=QUESTIONS,
        )
        self.questions = nn.Embedding(QUESTIONS, dim + item_tower.match.dim)
        nn.init.zeros_(self.questions.weight)
        self.item_bias = nn.Embedding(num_items, QUESTIONS)
        nn.init.zeros_(self.item_bias.weight)
        self.log_temperature = nn.Parameter(torch.zeros(()))

    @property
    def temperature(self) -> Float[Tensor, ""]:
        """Divides logits; learned, kept within LOWEST_TEMPERATURE .. HIGHEST_TEMPERATURE."""
        return self.log_temperature.clamp(math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)).exp()

    def embed_items(self, items: ItemBatch) -> tuple[Float[Tensor, "items all_dims"], Float[Tensor, "items questions"]]:
        """Vectors of items, and their bias for each question; where an id says nothing yet, content imagines what the item is."""
        fused: Tensor = self.item_tower(items)
        match: Tensor = self.item_tower.match(items)
        if not self.item_tower.use_item_id:
            return torch.cat([fused, match], dim=1), self.imagined_item(items)[1]
        biases = self.item_bias(items.item_index)
        new = (~items.has_id).nonzero().squeeze(1)
        if len(new):
            imagined, imagined_biases = self.imagined_item(items.select(new))
            imagined = torch.cat([imagined, fused[new, imagined.shape[1] :]], dim=1)
            fused, biases = fused.index_copy(0, new, imagined), biases.index_copy(0, new, imagined_biases)
        return torch.cat([fused, match], dim=1), biases

    def embed_new_items(self, items: ItemBatch) -> tuple[Float[Tensor, "items all_dims"], Float[Tensor, "items questions"]]:
        """What `embed_items` gives for items without an id, without looking at the id table."""
        if not self.item_tower.use_item_id:
            return self.embed_items(items)
        imagined, biases = self.imagined_item(items)
        return torch.cat([imagined, self.item_tower.beside_id(items), self.item_tower.match(items)], dim=1), biases

    def ask(self, states: Float[Tensor, "users all_dims"], question: Int[Tensor, " users"]) -> Float[Tensor, "users all_dims"]:
        """User vectors for a question, already divided by the temperature: their dot product with item vectors, plus bias, is the logit."""
        asked: Tensor = (states + self.questions(question)) / self.temperature
        return asked

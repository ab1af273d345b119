"""Two-towers trained from several seeds as one model."""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recsys.data.item_to_item import BEHIND, LIKENESS, ItemToItem
from recsys.data.tensors import ItemBatch
from recsys.models.likeness import Likeness
from recsys.models.two_tower import WANTED, TwoTower


class Ensemble(nn.Module):
    """Score a user and an item by the mean of what the members give them (Lakshminarayanan et al., NeurIPS 2017).

    A mean of dot products is one dot product: of the members' vectors side by side, those of the user divided by how many members there
    are. So what serves one two-tower serves many, and a single one is an ensemble of one. The coordinates of further parts of the score, of
    which no member knows, stand between theirs and those BEHIND.

    Args:
        members: Of one shape, at least one. Each has a temperature of its own, which its user vectors are already divided by.
        in_order: How far users are asked what comes next (1) rather than what else they would want (0); between: a mean of both answers.
        popularity_weights: What popularity counts for users with a history and for those without.
        parts: Further parts of the score.
        likeness: What makes the vectors of the part `LIKENESS`, where that is one of them.
    """

    def __init__(
        self,
        members: Sequence[TwoTower],
        *,
        in_order: float = 0.0,
        popularity_weights: tuple[float, float] = (0.0, 0.0),
        parts: Sequence[ItemToItem] = (),
        likeness: Likeness | None = None,
    ) -> None:
        super().__init__()
        self.members = tuple(members)
        self.in_order = in_order
        self.popularity_weights = popularity_weights
        self.parts = tuple(parts)
        self.likeness = likeness
        self._registered = nn.ModuleList(members)

    @property
    def towers(self) -> slice:
        """Where the coordinates of all members lie in vectors of items and users."""
        return slice(0, sum(member.questions.embedding_dim for member in self.members))

    @property
    def reads_older(self) -> bool:
        """Whether of a long history older events should be read too, not the newest alone; see `recsys.data.excerpt.Excerpt`.

        Where users are asked what comes next, and that alone, the newest say most. What is asked in no order was learned from histories
        without order, pieces of which are drawn from all of them.
        """
        return self.in_order < 1

    @property
    def places(self) -> dict[str, slice]:
        """Where those of each part lie, by its name: behind the towers."""
        ends = itertools.accumulate((part.size for part in self.parts), initial=self.towers.stop)
        return {part.name: slice(start, end) for part, (start, end) in zip(self.parts, itertools.pairwise(ends), strict=True)}

    def user_vectors(
        self,
        item_vectors: Float[Tensor, "batch length all_dims"],
        kinds: Int[Tensor, "batch length"],
        ages_days: Float[Tensor, "batch length"],
        attributes: Int[Tensor, "batch attributes"] | None = None,
    ) -> Float[Tensor, "batch all_dims_and_two"]:
        """The state after each user's newest event, asked what the user wants, and what meets the coordinates BEHIND an item's.

        Args:
            item_vectors: Of the items of the events, as far as the towers make them.
            kinds: See `UserTower`.
            ages_days: See `UserTower`.
            attributes: See `UserTower`.
        """
        members = item_vectors.chunk(len(self.members), dim=2)
        asked = [
            self._ask(member, own, kinds, ages_days, attributes) / len(self.members)
            for member, own in zip(self.members, members, strict=True)
        ]
        weight, strangers_weight = self.popularity_weights
        popularity = torch.where((kinds > 0).any(dim=1, keepdim=True), weight, strangers_weight)
        return torch.cat([*asked, torch.ones_like(asked[0][:, :1]), popularity], dim=1)

    def new_item_vectors(self, items: ItemBatch) -> Float[Tensor, "items all_dims_and_two"]:
        """Vectors of items without an id, content as it is encoded; behind them the bias for «wanted», and no popularity yet."""
        embedded = [member.embed_new_items(member.item_tower.prepare(items)) for member in self.members]
        vectors = side_by_side(
            [torch.cat([vectors, biases[:, WANTED:], torch.zeros_like(biases[:, WANTED:])], dim=1) for vectors, biases in embedded]
        )
        return with_part_columns(vectors, [self._of_new_items(part, items) for part in self.parts])

    def _of_new_items(self, part: ItemToItem, items: ItemBatch) -> Float[Tensor, "items size"]:
        """Coordinates of a part; of one that the log has told, nothing."""
        alike = torch.zeros(len(items), part.dim)
        if part.name == LIKENESS and self.likeness is not None:
            alike = self.likeness(self.members[0].item_tower, items)
        return torch.cat([alike, torch.ones_like(alike[:, :1])], dim=1)

    def _ask(
        self, member: TwoTower, item_vectors: Tensor, kinds: Tensor, ages_days: Tensor, attributes: Tensor | None
    ) -> Float[Tensor, "batch dim"]:
        last = (kinds > 0).sum(dim=1)  # events of each user: the start state stands before them
        readings = []
        for reading, share in ((False, 1 - self.in_order), (True, self.in_order)):
            if share:
                in_order = torch.full_like(last, reading, dtype=torch.bool)
                states = member.user_tower(item_vectors, kinds, ages_days, in_order, attributes)
                readings.append(share * states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2])).squeeze(1))
        state = readings[0] if len(readings) == 1 else readings[0] + readings[1]  # (batch, dim)
        return member.ask(state, torch.full_like(last, WANTED))


def side_by_side(members: Sequence[Float[Tensor, "items dim_and_two"]]) -> Float[Tensor, "items all_dims_and_two"]:
    """Item vectors of an ensemble from those of its members; of the coordinates BEHIND them it has the mean."""
    behind = torch.stack([vectors[:, -BEHIND:] for vectors in members]).mean(dim=0)
    return torch.cat([*(vectors[:, :-BEHIND] for vectors in members), behind], dim=1)


def with_part_columns(
    vectors: Float[Tensor, "items dims_and_two"], columns: Sequence[Float[Tensor, "items size"]]
) -> Float[Tensor, "items all_dims_and_two"]:
    """Item vectors with the coordinates of further parts in front of those BEHIND."""
    return torch.cat([vectors[:, :-BEHIND], *columns, vectors[:, -BEHIND:]], dim=1)

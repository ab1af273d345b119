"""From a user's events to one vector."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.data.relevance import NUM_KINDS
from recsys.layers.hstu import HstuBlock
from recsys.layers.transformer import TransformerBlock
from recsys.models.knowledge_bags import KnowledgeBags

AGE_BUCKETS = 20
"""Doublings of an age in hours that are told apart: 2 ** 19 hours are 60 years."""
NO_GAP = AGE_BUCKETS
"""Stands for the time between the start and any event: nobody knows it."""


class UserTower(nn.Module):
    """Self-attention over item vectors with the kind and the age of each event (Kang and McAuley, ICDM 2018), beside their weighted sum.

    The sum over the root of their number, as in FISM (Kabbur et al., KDD 2013), makes items alike those of the history score high from the
    first step on; attention learns what that leaves out. It reads vectors, not ids, so an event on an item born a minute ago counts like
    any other. The state before the first event is a learned one: an empty history is a user like others.

    A history may be read in the order of time, for the question what comes next, or as a set, for the question what else the user would
    want; the start state tells which, and only the first reading is told the place of each event.

    Item vectors are a fused part and the coordinates of `ContentMatch`; attention reads the fused part, the sum is over both.

    Args:
        dim: Length of the fused part.
        match_dim: Length of the rest.
        history_length: Events that may be read.
        blocks: Rounds of attention.
        block_kind: `transformer`, or `hstu`, which is told in either reading how far events are apart.
        heads: Attention heads of each.
        dropout: Probability of hiding a value.
        attributes: Attribute of users -> number of its values; what is known of a user moves the state before the first event.
        ages: Whether a history out of order is told the age of each event, relative to the user's newest, and `hstu` the time between two.
    """

    def __init__(
        self,
        *,
        dim: int,
        match_dim: int,
        history_length: int,
        blocks: int,
        block_kind: str,
        heads: int,
        dropout: float,
        ages: bool,
        attributes: dict[str, int],
    ) -> None:
        super().__init__()
        self.dim = dim
        self.kinds = nn.Embedding(NUM_KINDS, dim, padding_idx=0)
        self.ages = nn.Embedding(AGE_BUCKETS, dim) if ages else None
        self.told_gaps = ages and block_kind == "hstu"
        self.positions = nn.Embedding(history_length + 1, dim)
        self.start = nn.Embedding(2, dim)
        self.known = KnowledgeBags(attributes, dim, spread=0.0) if attributes else None
        self.blocks = nn.ModuleList(
            HstuBlock(dim, heads=heads, dropout=dropout, length=history_length + 1, gaps=NO_GAP + 1 if self.told_gaps else 0)
            if block_kind == "hstu"
            else TransformerBlock(dim, heads=heads, dropout=dropout)
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        self.kind_worth = nn.Embedding(NUM_KINDS, 2, padding_idx=0)
        self.pooled_worth = nn.Parameter(torch.ones(dim + match_dim))
        nn.init.normal_(self.start.weight, std=0.05)
        for table in (self.kinds, self.ages, self.positions):
            if table is not None:
                nn.init.normal_(table.weight, std=0.02)
        with torch.no_grad():
            self.kinds.weight[0].zero_()
            self.kind_worth.weight.fill_(1.0)[0].zero_()

    def forward(
        self,
        item_vectors: Float[Tensor, "batch length all_dims"],
        kinds: Int[Tensor, "batch length"],
        ages_days: Float[Tensor, "batch length"],
        in_order: Bool[Tensor, " batch"],
        attributes: Int[Tensor, "batch attributes"] | None = None,
    ) -> Float[Tensor, "batch length_and_one all_dims"]:
        """The state before any event and after each; padding (kind 0) stands at the end.

        Args:
            item_vectors: Of the items of the events.
            kinds: `Kind` of each event, 0 for padding.
            ages_days: How much older each event is than the user's newest, at least 0.
            in_order: Whether to read the history in the order of time rather than as a set.
            attributes: Value index + 1 of each attribute, 0 where it is not known; None: nothing is known of anybody.
        """
        start = self.start(in_order.long())  # (batch, dim)
        if self.known is not None and attributes is not None:
            said = dict(zip(self.known.relations, attributes.split(1, dim=1), strict=True))
            start = start + self.known(said)[0].sum(dim=1)  # (batch, attributes, dim) -> (batch, dim)
        events = item_vectors[..., : self.dim] + self.kinds(kinds)
        if self.ages is not None:
            events = events + torch.where(in_order[:, None, None], 0.0, self.ages(_bucket(ages_days.clamp(min=0))))
        states = torch.cat([start[:, None], events], dim=1)  # (batch, 1 + length, dim)
        states = states + torch.where(in_order[:, None, None], self.positions.weight[: states.shape[1]], 0.0)
        states = self.dropout(states)
        gaps = _gaps(ages_days) if self.told_gaps else None
        for block in self.blocks:
            states = block(states, in_order=in_order, gaps=gaps) if isinstance(block, HstuBlock) else block(states)
        pooled = self.pooled_worth * self._pool(item_vectors, kinds)
        return pooled + F.pad(self.norm(states), (0, pooled.shape[2] - self.dim))

    def _pool(
        self, item_vectors: Float[Tensor, "batch length all_dims"], kinds: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length_and_one all_dims"]:
        """Before any event and after each: what has come so far, summed by the worth of its kind, over the root of its number."""
        worth = self.kind_worth(kinds)  # (batch, length, 2)
        counted = torch.cat([item_vectors[..., : self.dim] * worth[..., :1], item_vectors[..., self.dim :] * worth[..., 1:]], dim=2)
        so_far = torch.cumsum(counted, dim=1)
        number = torch.arange(1, kinds.shape[1] + 1, device=kinds.device)
        return torch.cat([torch.zeros_like(so_far[:, :1]), so_far / number.sqrt()[:, None]], dim=1)


def _bucket(days: Float[Tensor, "*batch"]) -> Int[Tensor, "*batch"]:
    return torch.log2(1 + 24 * days).long().clamp(max=AGE_BUCKETS - 1)


def _gaps(ages_days: Float[Tensor, "batch length"]) -> Int[Tensor, "batch length_and_one length_and_one"]:
    """Which distance in time lies between two states, the start being the first of them."""
    return F.pad(_bucket((ages_days[:, None] - ages_days[:, :, None]).abs()), (1, 0, 1, 0), value=NO_GAP)

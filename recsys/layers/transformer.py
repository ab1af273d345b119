"""Self-attention: over the events of a user, or over the modalities of an item."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recsys.bounds import check_heads


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward (Vaswani et al., NeurIPS 2017).

    Each position sees itself and those before it; or, where there is no order, all that are visible.

    Args:
        dim: Length of each state, a multiple of `heads`.
        heads: Attention heads.
        dropout: Probability of hiding a value of either branch.
    """

    def __init__(self, dim: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        check_heads(dim, heads)
        self.heads = heads
        self.attention_norm = nn.LayerNorm(dim)
        self.to_query_key_value = nn.Linear(dim, 3 * dim)
        self.from_heads = nn.Linear(dim, dim)
        self.forward_norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, 4 * dim)
        self.narrow = nn.Linear(4 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, states: Float[Tensor, "batch length dim"], *, visible: Bool[Tensor, "batch length"] | None = None
    ) -> Float[Tensor, "batch length dim"]:
        """States after one round of attention.

        Args:
            states: In order of time; padding must stand at the end, where causality hides it.
            visible: Given, there is no order: every position sees these, at least one per row.
        """
        states = states + self.dropout(self._attend(self.attention_norm(states), visible))
        widened = F.gelu(self.widen(self.forward_norm(states)))  # (batch, length, 4 * dim)
        after: Tensor = states + self.dropout(self.narrow(widened))
        return after

    def _attend(
        self, states: Float[Tensor, "batch length dim"], visible: Bool[Tensor, "batch length"] | None
    ) -> Float[Tensor, "batch length dim"]:
        batch, length, dim = states.shape
        query, key, value = (
            part.view(batch, length, self.heads, dim // self.heads).transpose(1, 2)
            for part in self.to_query_key_value(states).chunk(3, dim=-1)
        )  # (batch, heads, length, dim / heads)
        mask = None if visible is None else visible[:, None, None, :]  # (batch, heads, length, length) by broadcasting
        gathered = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=visible is None)
        joined: Tensor = self.from_heads(gathered.transpose(1, 2).reshape(batch, length, dim))
        return joined

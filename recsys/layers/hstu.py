"""Pointwise attention over the events of a user: how much they say, where softmax would only share out."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from recsys.bounds import check_heads


class HstuBlock(nn.Module):
    """Gated attention without softmax (HSTU: Zhai et al., Actions speak louder than words, ICML 2024).

    U, V, Q, K = SiLU(a linear layer of the normed states). Each position gathers SiLU(QK^T + bias) / n of V from itself and the n - 1
    before it; what it has gathered is normed, gated by U, and added. The bias is a learned number for each distance in places and for each
    in time. There is no feed-forward layer: the gate does its work. The authors' code divides by the longest length there is; n, whose
    factor the norm takes away again, keeps what the norm reads from becoming tiny.

    Args:
        dim: Length of each state, a multiple of `heads`.
        heads: Attention heads; all have the same bias.
        dropout: Probability of hiding a value of what is added.
        length: States that may be read.
        gaps: Distances in time that are told apart; 0: none is told.
    """

    def __init__(self, dim: int, *, heads: int, dropout: float, length: int, gaps: int) -> None:
        super().__init__()
        check_heads(dim, heads)
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.to_gate_value_query_key = nn.Linear(dim, 4 * dim)
        self.gathered_norm = nn.LayerNorm(dim)
        self.from_gated = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        self.by_places = nn.Parameter(torch.zeros(length))
        self.by_gap = nn.Parameter(torch.zeros(gaps)) if gaps else None

    def forward(
        self,
        states: Float[Tensor, "batch length dim"],
        *,
        in_order: Bool[Tensor, " batch"],
        gaps: Int[Tensor, "batch length length"] | None,
    ) -> Float[Tensor, "batch length dim"]:
        """States after one round of attention.

        Args:
            states: Padding must stand at the end, where causality hides it.
            in_order: Whether how many places lie between two states means anything.
            gaps: Which distance in time lies between two states; None where none is told.
        """
        batch, length, dim = states.shape
        gate, *parts = F.silu(self.to_gate_value_query_key(self.norm(states))).chunk(4, dim=-1)
        value, query, key = (part.view(batch, length, self.heads, dim // self.heads).transpose(1, 2) for part in parts)
        logits = query @ key.transpose(2, 3) + self._bias(length, in_order, gaps)[:, None]  # (batch, heads, length, length)
        number = torch.arange(1, length + 1, device=states.device)
        weights = F.silu(logits).tril() / number[:, None]
        gathered = (weights.to(value.dtype) @ value).transpose(1, 2).reshape(batch, length, dim)
        after: Tensor = states + self.from_gated(self.dropout(gate * self.gathered_norm(gathered)))
        return after

    def _bias(
        self, length: int, in_order: Bool[Tensor, " batch"], gaps: Int[Tensor, "batch length length"] | None
    ) -> Float[Tensor, "batch length length"]:
        place = torch.arange(length, device=in_order.device)
        between = (place[:, None] - place).clamp(min=0)  # (length, length); what comes later is hidden anyway
        bias = torch.where(in_order[:, None, None], self.by_places[between], 0.0)
        return bias if self.by_gap is None or gaps is None else bias + self.by_gap[gaps]

"""Items moved where it hurts most: who still wins then has learned more than the luck of a few coordinates."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recsys.models.two_tower import QUESTIONS


def worst_shift(
    loss: Callable[[Tensor], Tensor],
    table: Float[Tensor, "items all_dims"],
    *,
    length: float,
    total: Callable[[Tensor], Tensor],
) -> Float[Tensor, "items all_dims"]:
    """What, added to the vectors of items, raises the loss most, to first order (fast gradient method on embeddings: Miyato et al.,
    ICLR 2017; of items: adversarial personalized ranking, He et al., SIGIR 2018).

    Each vector moves by the same share of its own length, else longer vectors would be the way out. Biases stay.

    Args:
        loss: Of such a table.
        table: Vectors of items, behind them QUESTIONS biases.
        length: Share of a vector's length that it moves.
        total: Sums a gradient over all ranks.
    """
    leaf = table.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    vectors = table.detach()[:, :-QUESTIONS]
    shift = length * vectors.norm(dim=1, keepdim=True) * F.normalize(total(gradient)[:, :-QUESTIONS], dim=1)
    return F.pad(shift, (0, QUESTIONS))

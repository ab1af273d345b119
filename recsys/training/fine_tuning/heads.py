"""The joint space in which photos and texts meet while they learn; thrown away afterwards."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from recsys.losses.alignment.contrastive import contrastive

JOINT_DIM = 128


class Heads(nn.Module):
    """A projection per modality and the temperature.

    Args:
        image_dim: Length of a photo's vector.
        text_dim: Length of a text's vector.
    """

    def __init__(self, *, image_dim: int, text_dim: int) -> None:
        super().__init__()
        self.show = nn.Linear(image_dim, JOINT_DIM)
        self.say = nn.Linear(text_dim, JOINT_DIM)
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def loss(
        self,
        shown: Float[Tensor, "rows dim"],
        said: Float[Tensor, "rows dim"],
        group: Int[Tensor, " described"],
        *,
        co_click_weight: float,
    ) -> Float[Tensor, ""]:
        """A photo finds its text and a text its photo (`contrastive`); and an item the one that was wanted next to it.

        Args:
            shown: Projected photos: of items with photo and text, then of the left items of co-click pairs, then of the right ones. Zero
                where an item has none, but for the first.
            said: The same of texts.
            group: Of the items with photo and text; see `contrastive`.
            co_click_weight: Of the second part.
        """
        temperature = (-self.log_scale).exp().clamp(0.01, 1.0)
        described = len(group)
        loss = (shown.sum() + said.sum()) * 0.0  # a batch of one pair has no negatives, and still a gradient
        if described > 1:
            loss = loss + contrastive(shown[:described], said[:described], group, temperature=temperature)
        left, right = item_vectors(shown[described:], said[described:]).chunk(2) if len(shown) > described else (shown[:0], shown[:0])
        if len(left) > 1:
            alone = torch.arange(len(left), device=left.device)  # no item comes twice: see `deal_pairs`
            loss = loss + co_click_weight * contrastive(left, right, alone, temperature=temperature)
        return loss


def item_vectors(shown: Float[Tensor, "rows dim"], said: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
    """Unit vectors of items from what they have of both."""
    return F.normalize(shown + said, dim=-1)

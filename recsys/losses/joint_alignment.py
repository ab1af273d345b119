"""Retrieval and alignment learned together: one sum of weighted losses."""

import itertools
import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from recsys.losses.alignment import ALIGNMENT_LOSSES, AlignmentLoss

FIRST_TEMPERATURE = 0.1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.02, 1.0
FEWEST_PARTNERS = 2
"""Of fewer items that have both modalities nobody can tell partners from strangers."""
MOST_LOG_VARIANCE = 3.0
"""A learned weight stays within exp(-3) .. exp(3): a term that reaches 0, or falls below it, would be followed for ever."""


class JointAlignment(nn.Module):
    """L = L_retrieval + sum of weight * alignment loss, each the mean over the pairs of modalities that enough items of the step have.

    With `learned` every term, retrieval among them, is exp(-s) * term + s with an s of its own that starts at 0 (uncertainty weighting:
    Kendall, Gal and Cipolla, CVPR 2018): the weights given are where learning starts.

    Args:
        weights: Key of `ALIGNMENT_LOSSES` -> weight, greater than 0.
        modalities: Those that are aligned, each with each.
        dim: Length of their tokens.
        learned: Whether the weights are learned along.
    """

    def __init__(self, weights: Mapping[str, float], modalities: Sequence[str], *, dim: int, learned: bool) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.pairs = list(itertools.combinations(modalities, 2))
        self.losses = {name: ALIGNMENT_LOSSES[name](dim) for name in self.weights}
        self.learning = nn.ModuleDict({name: loss for name, loss in self.losses.items() if isinstance(loss, nn.Module)})
        self.log_temperature = nn.Parameter(torch.tensor(math.log(FIRST_TEMPERATURE)))
        self.log_variances = nn.Parameter(torch.zeros(1 + len(self.weights))) if learned else None

    def forward(
        self,
        retrieval: Float[Tensor, ""],
        tokens: Mapping[str, Float[Tensor, "items dim"]],
        presence: Mapping[str, Bool[Tensor, " items"]],
    ) -> Float[Tensor, ""]:
        """The whole sum.

        Args:
            retrieval: Its first term.
            tokens: modality -> what it says of each item; of any length but 0.
            presence: modality -> whether it says anything.
        """
        found = self._aligned(tokens, presence)
        if self.log_variances is None:
            return retrieval + sum(self.weights[name] * term for name, term in found.items())
        bounded = self.log_variances.clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE)
        variances = dict(zip(self.weights, bounded[1:], strict=True))
        whole: Tensor = retrieval * torch.exp(-bounded[0]) + bounded[0]
        for name, term in found.items():
            whole = whole + self.weights[name] * term * torch.exp(-variances[name]) + variances[name]
        return whole

    def _aligned(self, tokens: Mapping[str, Tensor], presence: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Each loss; none where no pair of modalities has items enough."""
        sides = []
        for one, other in self.pairs:
            both = presence[one] & presence[other]
            if int(both.sum()) >= FEWEST_PARTNERS:
                sides.append((F.normalize(tokens[one][both], dim=1), F.normalize(tokens[other][both], dim=1)))
        if not sides:
            return {}
        temperature = self.log_temperature.exp().clamp(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)

        def over_pairs(loss: AlignmentLoss) -> Tensor:
            return torch.stack([loss(*side, torch.arange(len(side[0]), device=side[0].device), temperature=temperature) for side in sides])

        return {name: over_pairs(loss).mean() for name, loss in self.losses.items()}

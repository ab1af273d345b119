"""Multi-gate mixture of experts: tasks share experts, and each mixes them its own way (Ma et al., KDD 2018)."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

CLIP = 5.0
"""Standard deviations beyond which a feature counts as this far out: one wild value must not own the answer."""


class Parallel(nn.Module):
    """As many linear layers side by side as wanted, in one product.

    Args:
        count: Layers.
        inputs: Length of what goes in.
        outputs: Length of what comes out.
    """

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(count, 1, outputs))

    def forward(self, values: Float[Tensor, "count rows inputs"]) -> Float[Tensor, "count rows outputs"]:
        """Each layer reads its own rows."""
        return torch.baddbmm(self.bias, values, self.weight)


class Mmoe(nn.Module):
    """Log-odds of every task from one row of features.

    Args:
        num_features: Length of a row.
        num_tasks: Heads.
        num_experts: Experts, shared by all tasks.
        expert_dims: Widths of an expert's layers; at least one.
        tower_dims: Widths of the hidden layers of a task's tower; may be none.
        dropout: Between the layers of experts, while training.
    """

    mean: Tensor
    spread: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(
        self, *, num_features: int, num_tasks: int, num_experts: int, expert_dims: Sequence[int], tower_dims: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.num_experts, self.num_tasks = num_experts, num_tasks
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("spread", torch.ones(num_features))
        self.register_buffer("scale", torch.ones(num_tasks))
        self.register_buffer("shift", torch.zeros(num_tasks))
        widths = [num_features, *expert_dims]
        self.experts = nn.ModuleList(Parallel(num_experts, *pair) for pair in itertools.pairwise(widths))
        self.gates = nn.Linear(num_features, num_tasks * num_experts)
        widths = [widths[-1], *tower_dims, 1]
        self.towers = nn.ModuleList(Parallel(num_tasks, *pair) for pair in itertools.pairwise(widths))
        self.dropout = nn.Dropout(dropout)

    def standardise_by(self, features: Float[Tensor, "rows features"]) -> None:
        """Take mean and spread of each feature from examples; a constant one is left at 0."""
        self.mean.copy_(features.mean(dim=0))
        spread = features.std(dim=0, correction=0)
        self.spread.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def forward(self, features: Float[Tensor, "rows features"]) -> Float[Tensor, "rows tasks"]:
        """Log-odds as learned; `probabilities` for what they mean."""
        values = ((features - self.mean) / self.spread).clamp(-CLIP, CLIP)
        hidden = values.unsqueeze(0).expand(self.num_experts, -1, -1)  # (experts, rows, features)
        for layer in self.experts:
            hidden = self.dropout(torch.relu(layer(hidden)))
        mixture = self.gates(values).unflatten(1, (self.num_tasks, self.num_experts)).softmax(dim=2)
        mixed = torch.einsum("rte,erd->trd", mixture, hidden)  # (tasks, rows, dim)
        for layer in self.towers[:-1]:
            mixed = torch.relu(layer(mixed))
        logits: Tensor = self.towers[-1](mixed)  # (tasks, rows, 1)
        return logits.squeeze(2).T

    def probabilities(self, features: Float[Tensor, "rows features"]) -> Float[Tensor, "rows tasks"]:
        """Expected share of rows like these in which each task's event follows: log-odds scaled and shifted, as calibration found."""
        return torch.sigmoid(self.scale * self(features) + self.shift)

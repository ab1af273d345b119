"""Log-odds that order well, made into probabilities that mean what they say."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

STEPS = 50


@torch.enable_grad()
def platt_scaling(
    logits: Float[Tensor, "rows tasks"], labels: Bool[Tensor, "rows tasks"]
) -> tuple[Float[Tensor, " tasks"], Float[Tensor, " tasks"]]:
    """Scale (above 0) and shift per task under which sigmoid(scale * logit + shift) has the least log loss (Platt, 1999).

    A loss over whole slates cares for order alone, so a model that learned from it is sure of too much or too little. A task that
    always or never happened, or of which all logits are equal, stays as it is. Labels count as Platt's targets, a little inside of 0 and
    1: where a few rows happen to be told apart without a mistake, no scale would be large enough for the labels themselves.

    Args:
        logits: Of rows that were not learned from.
        labels: What happened.
    """
    told = labels.any(dim=0) & ~labels.all(dim=0)
    mean, spread = logits.mean(dim=0), logits.std(dim=0, correction=0)
    told &= spread > 0
    spread = torch.where(told, spread, 1.0)
    even = (logits - mean) / spread  # the search does not depend on how large logits happen to be
    log_scale = torch.zeros(logits.shape[1], requires_grad=True)
    shift = torch.zeros(logits.shape[1], requires_grad=True)
    if told.any():
        optimizer = torch.optim.LBFGS([log_scale, shift], max_iter=STEPS, line_search_fn="strong_wolfe")
        wanted = _targets(labels[:, told]).to(logits.dtype)

        def loss() -> Tensor:
            optimizer.zero_grad()
            calibrated = even[:, told] * log_scale[told].exp() + shift[told]
            total = F.binary_cross_entropy_with_logits(calibrated, wanted, reduction="none").mean(dim=0).sum()
            torch.autograd.backward(total)
            return total

        optimizer.step(loss)
    scale = log_scale.detach().exp() / spread
    return torch.where(told, scale, 1.0), torch.where(told, shift.detach() - scale * mean, 0.0)


def _targets(labels: Bool[Tensor, "rows tasks"]) -> Float[Tensor, "rows tasks"]:
    """What is expected of one more row that is like those that happened, or did not, of each of which one was known beforehand."""
    happened = labels.sum(dim=0)
    return torch.where(labels, (happened + 1) / (happened + 2), 1 / (len(labels) - happened + 2))

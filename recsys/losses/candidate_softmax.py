"""Each target must win against the candidates of its step: the whole catalogue, or a sample of it with the sampling made good for."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

LOGITS_AT_ONCE = 2**20
"""Logits that are computed together: 4 MiB, which stays in the cache of a core."""

LEAST_ROWS = 128
"""Targets that are computed together however many candidates there are: a product of matrices with fewer rows is slow."""


def candidate_softmax(
    users: Float[Tensor, "targets dim"],
    items: Float[Tensor, "candidates dim"],
    target: Int[Tensor, " targets"],
    weight: Float[Tensor, " targets"],
    *,
    log_q: Float[Tensor, " candidates"] | None = None,
    absent: Bool[Tensor, "targets candidates"] | None = None,
    correct_target: bool = False,
    stands_for: Float[Tensor, " candidates"] | None = None,
) -> Float[Tensor, ""]:
    """Weighted mean cross-entropy of each target among the candidates, computed by rows so that no matrix of all logits is ever held.

    Over the whole catalogue it is the full softmax (as Klenitskiy and Vasilev, RecSys 2023, for sequential models). Over a sample it is
    corrected for how often each candidate is sampled (Yi et al., RecSys 2019); the target stands in its own list with certainty, so its
    logit is not corrected (Khrylchenko et al., RecSys 2025) unless that is asked for. Loss and gradient come out of one pass; there is no
    second derivative.

    Args:
        users: Already divided by the temperature; coordinates that meet item biases included.
        items: The candidates, each once.
        target: Row in `items` of the item that was chosen.
        weight: At least 0; with all of them 0 the loss is 0.
        log_q: Log of how often the sampling is expected to put each item among the candidates; None: always.
        absent: Candidates that are no negatives of a target: not on offer yet, or a choice of the same user; the target always counts.
        correct_target: Whether the target's own logit is corrected like that of any other candidate.
        stands_for: By how much the gradient of each candidate as a negative is multiplied, for those that cannot learn; None: by 1.
    """
    loss: Tensor = _CandidateSoftmax.apply(users, items, target, weight, log_q, absent, correct_target, stands_for)  # type: ignore[no-untyped-call]
    return loss


class _CandidateSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        items: Tensor,
        target: Tensor,
        weight: Tensor,
        log_q: Tensor | None,
        absent: Tensor | None,
        correct_target: bool,
        stands_for: Tensor | None,
    ) -> Tensor:
        share = weight / weight.sum().clamp(min=1e-9)
        to_users = torch.empty_like(users) if ctx.needs_input_grad[0] else None
        to_items = torch.zeros_like(items)
        surprise = torch.empty_like(share)
        rows = max(LEAST_ROWS, LOGITS_AT_ONCE // max(1, len(items)))
        room = users.new_empty(2, min(rows, len(users)), len(items))
        for start in range(0, len(users), rows):
            part = slice(start, start + rows)
            own, place = target[part], torch.arange(len(target[part]), device=users.device)
            logits, chances = room[:, : len(own)]  # (rows, candidates) each
            torch.mm(users[part], items.T, out=logits)
            if log_q is not None:
                logits -= log_q
                if not correct_target:
                    logits[place, own] += log_q[own]
            chosen = logits[place, own]
            if absent is not None:
                logits.masked_fill_(absent[part], float("-inf"))
                logits[place, own] = chosen
            torch.softmax(logits, dim=1, out=chances)
            surprise[part] = logits.amax(dim=1) - chances.amax(dim=1).log() - chosen  # the target's own chance may be too small to be told
            if to_users is not None:
                torch.mm(chances, items, out=to_users[part])
            to_items.addmm_(chances.T, users[part] * share[part][:, None])
        if to_users is not None:
            to_users.sub_(items[target]).mul_(share[:, None])
        as_target = users * share[:, None]
        if stands_for is not None:
            to_items.mul_(stands_for[:, None])
            as_target *= 1 - ((1 - stands_for[target]) * torch.exp(-surprise))[:, None]  # where it is the target it stands for itself
        to_items.index_add_(0, target, as_target, alpha=-1)
        ctx.save_for_backward(to_users, to_items)
        return surprise @ share

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        to_users, to_items = ctx.saved_tensors
        return None if to_users is None else to_users * gradients[0], to_items * gradients[0], None, None, None, None, None, None

"""What a user has chosen elsewhere is hardly a negative."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from recsys.models.two_tower import QUESTIONS, WANTED


def own_choices(
    piece: Int[Tensor, " targets"], chosen: Int[Tensor, " targets"], wanted: Bool[Tensor, " targets"], *, candidates: int
) -> Bool[Tensor, "targets candidates"]:
    """Whether a candidate answers the question of a target too, as the same user has chosen it in the same piece; the target does.

    Whatever was chosen answers the question for any event, only what was wanted the one for a wanted item.

    Args:
        piece: Which piece of a history each target stands in.
        chosen: Which candidate it is.
        wanted: Whether it was wanted, which is what is asked for then.
        candidates: How many there are.
    """
    pieces = int(piece.max()) + 1 if len(piece) else 0
    answers = torch.zeros(pieces, QUESTIONS, candidates, dtype=torch.bool, device=piece.device)
    answers[piece, 0, chosen] = True
    answers[piece[wanted], WANTED, chosen[wanted]] = True
    return answers[piece, wanted.long()]

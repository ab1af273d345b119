"""What a user has chosen elsewhere is hardly a negative."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from recsys.models.two_tower import QUESTIONS, WANTED


def own_choices(
    piece: Int[Tensor, " events"], chosen: Int[Tensor, " events"], wanted: Bool[Tensor, " events"], *, pieces: int, candidates: int
) -> Bool[Tensor, "pieces questions candidates"]:
    """Whether a candidate answers a question asked in a piece of history, as the user has chosen it somewhere in that piece.

    Whatever was chosen answers the question for any event, only what was wanted the one for a wanted item.

    Args:
        piece: Which piece of a history each event stands in.
        chosen: Which candidate it is.
        wanted: Whether it was wanted.
        pieces: How many pieces there are.
        candidates: How many candidates.
    """
    answers = torch.zeros(pieces, QUESTIONS, candidates, dtype=torch.bool, device=piece.device)
    answers[piece, 0, chosen] = True
    answers[piece[wanted], WANTED, chosen[wanted]] = True
    return answers

"""From the vectors of a text's tokens to one vector; the mask alone says where the text is, so padding may stand on either side."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from recsys.encoders.protocol import EncoderError

POOLINGS = ("mean", "cls", "max", "last")
POOLER = "pooler"
"""What a model's own pooler makes of its first token; no matter of `pool`."""


def check_pooling(pooling: str) -> str:
    """The same name.

    Raises:
        EncoderError: It is neither POOLER nor one of POOLINGS.
    """
    allowed = (*POOLINGS, POOLER)
    if pooling not in allowed:
        raise EncoderError(f"text_pooling {pooling!r} is unknown; allowed are {', '.join(allowed)}. Change [embed] text_pooling.")
    return pooling


def pool(hidden: Float[Tensor, "batch length dim"], mask: Bool[Tensor, "batch length"], pooling: str) -> Float[Tensor, "batch dim"]:
    """One vector per text.

    Args:
        hidden: Of every token.
        mask: Which tokens are the text's own, at least one a row and side by side; all others are padding.
        pooling: `mean` or `max` over the tokens; `cls`: the first, where encoders like BERT gather; `last`: the only one of a
            decoder that has read all others.
    """
    if pooling == "mean":
        weight = mask.to(hidden.dtype)[:, :, None]
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1)
    if pooling == "max":
        return hidden.masked_fill(~mask[:, :, None], float("-inf")).amax(dim=1)
    first = mask.int().argmax(dim=1)  # (batch,)
    at = first if pooling == "cls" else first + mask.sum(dim=1) - 1
    return hidden[torch.arange(len(hidden), device=hidden.device), at]

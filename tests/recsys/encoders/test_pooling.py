import pytest
import torch

from recsys.encoders.pooling import POOLINGS, check_pooling, pool
from recsys.encoders.protocol import EncoderError

TOKENS = torch.tensor([[1.0, 8.0], [5.0, 2.0]])
PADDING = torch.full((2, 2), 99.0)


@pytest.mark.parametrize(("pooling", "expected"), [("mean", [3, 5]), ("cls", [1, 8]), ("max", [5, 8]), ("last", [5, 2])])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_is_not_read(pooling: str, expected: list[float], side: str) -> None:
    hidden = torch.cat([PADDING, TOKENS] if side == "left" else [TOKENS, PADDING])[None]
    mask = torch.tensor([[side == "right"] * 2 + [side == "left"] * 2])
    assert pool(hidden, mask, pooling)[0].tolist() == expected


@pytest.mark.parametrize("pooling", POOLINGS)
def test_of_a_single_token_every_pooling_is_that_token(pooling: str) -> None:
    assert pool(TOKENS[None, :1], torch.tensor([[True]]), pooling)[0].tolist() == [1, 8]


def test_an_unknown_pooling_is_named_with_the_known() -> None:
    with pytest.raises(EncoderError, match="'median' is unknown; allowed are mean, cls, max, last"):
        check_pooling("median")

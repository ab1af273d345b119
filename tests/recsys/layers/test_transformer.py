import pytest
import torch

from recsys.layers.transformer import TransformerBlock


def test_a_state_does_not_depend_on_later_ones() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(8, heads=2, dropout=0.0)
    states = torch.randn(2, 5, 8)
    changed = states.clone()
    changed[:, 3:] = torch.randn(2, 2, 8)
    torch.testing.assert_close(block(states)[:, :3], block(changed)[:, :3])


def test_a_dim_that_heads_do_not_divide_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="embedding_dim 10 is no multiple of heads 4"):
        TransformerBlock(10, heads=4, dropout=0.0)

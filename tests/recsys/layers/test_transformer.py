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


def test_without_an_order_every_state_sees_what_is_visible_and_nothing_else() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(8, heads=2, dropout=0.0)
    states, visible = torch.randn(2, 4, 8), torch.tensor([True, False, True, True]).expand(2, 4)
    after = block(states, visible=visible)
    hidden, last = states.clone(), states.clone()
    hidden[:, 1], last[:, 3] = 5.0, 5.0
    torch.testing.assert_close(block(hidden, visible=visible)[:, [0, 2, 3]], after[:, [0, 2, 3]])
    assert (block(last, visible=visible)[:, 0] != after[:, 0]).any()


def test_a_dim_that_heads_do_not_divide_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="embedding_dim 10 is no multiple of heads 4"):
        TransformerBlock(10, heads=4, dropout=0.0)

import pytest
import torch
from torch import Tensor

from recsys.layers.hstu import HstuBlock

GAPS = 3
IN_ORDER, AS_A_SET = torch.tensor([True, True]), torch.tensor([False, False])
APART = torch.tensor([[0, 1, 2, 2], [1, 0, 1, 2], [2, 1, 0, 1], [2, 2, 1, 0]]).expand(2, 4, 4)


def block_with_bias() -> HstuBlock:
    torch.manual_seed(0)
    block = HstuBlock(8, heads=2, dropout=0.0, length=6, gaps=GAPS)
    for bias in (block.by_places, block.by_gap):
        assert bias is not None
        torch.nn.init.normal_(bias)
    return block


@pytest.fixture
def states() -> Tensor:
    return torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("in_order", [IN_ORDER, AS_A_SET])
def test_a_state_does_not_depend_on_later_ones_or_on_the_time_of_these(states: Tensor, in_order: Tensor) -> None:
    block, changed, gaps = block_with_bias(), states.clone(), APART.clone()
    changed[:, 2:], gaps[:, :, 2:], gaps[:, 2:] = 5.0, 0, 0
    torch.testing.assert_close(block(states, in_order=in_order, gaps=APART)[:, :2], block(changed, in_order=in_order, gaps=gaps)[:, :2])


def test_padding_behind_the_states_changes_nothing(states: Tensor) -> None:
    block = block_with_bias()
    padded, gaps = torch.cat([states, torch.zeros(2, 2, 8)], dim=1), torch.nn.functional.pad(APART, (0, 2, 0, 2))
    after = block(padded, in_order=IN_ORDER, gaps=gaps)
    torch.testing.assert_close(after[:, :4], block(states, in_order=IN_ORDER, gaps=APART))


def test_as_a_set_the_places_of_earlier_states_mean_nothing_and_in_order_they_do(states: Tensor) -> None:
    block = block_with_bias()
    swapped = states[:, [1, 0, 2, 3]]
    for in_order in (IN_ORDER, AS_A_SET):
        last, other = (block(read, in_order=in_order, gaps=None)[:, -1] for read in (states, swapped))
        assert torch.allclose(last, other, atol=1e-6) != bool(in_order.any())


def test_the_time_between_two_events_tells_in_either_reading(states: Tensor) -> None:
    block, other = block_with_bias(), (APART + 1) % GAPS
    for in_order in (IN_ORDER, AS_A_SET):
        first, second = (block(states, in_order=in_order, gaps=gaps)[:, -1] for gaps in (APART, other))
        assert not torch.allclose(first, second)


def test_a_block_says_what_the_paper_writes_down(states: Tensor) -> None:
    """One head, one row; position by position."""
    block = HstuBlock(8, heads=1, dropout=0.0, length=4, gaps=GAPS)
    torch.nn.init.normal_(block.by_places)
    row = states[0]
    gate, value, query, key = torch.nn.functional.silu(block.to_gate_value_query_key(block.norm(row))).chunk(4, dim=1)
    for place in range(4):
        gathered = torch.zeros(8)
        for before in range(place + 1):
            weight = torch.nn.functional.silu(query[place] @ key[before] + block.by_places[place - before])
            gathered = gathered + weight * value[before] / (place + 1)
        expected = row[place] + block.from_gated(gate[place] * block.gathered_norm(gathered))
        torch.testing.assert_close(block(states, in_order=IN_ORDER, gaps=None)[0, place], expected)


def test_a_dim_that_heads_do_not_divide_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="embedding_dim 10 is no multiple of heads 4"):
        HstuBlock(10, heads=4, dropout=0.0, length=6, gaps=0)

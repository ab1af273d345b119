import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from recsys.training.ema import MovingAverage


def test_the_average_follows_slowly_and_faster_at_the_start() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = MovingAverage(model, decay=0.99)
    nn.init.ones_(model.weight)
    average.update()
    assert average.average.weight.item() == pytest.approx(1 - 2 / 11)  # the first step keeps (1 + 1) / (10 + 1)


@given(
    touched=st.lists(st.lists(st.integers(0, 4), max_size=3, unique=True), min_size=1, max_size=30),
    settled=st.sets(st.integers(0, 29)),
)
def test_a_table_averaged_row_by_row_ends_where_it_would_have_ended_as_a_whole(touched: list[list[int]], settled: set[int]) -> None:
    model, random = nn.Sequential(nn.Embedding(5, 2), nn.Linear(2, 1)), torch.Generator().manual_seed(0)
    whole, by_row = MovingAverage(model, decay=0.8), MovingAverage(model, decay=0.8, table=lambda table: table[0].weight)
    for step, rows in enumerate(touched):
        by_row.settle(torch.tensor(rows, dtype=torch.long))
        with torch.no_grad():
            model[0].weight[rows] += torch.randn(len(rows), 2, generator=random)
        whole.update()
        by_row.update()
        if step in settled:
            by_row.settle()
            torch.testing.assert_close(by_row.average[0].weight, whole.average[0].weight)
    by_row.settle()
    torch.testing.assert_close(by_row.average[0].weight, whole.average[0].weight)


def test_the_average_learns_nothing_by_itself() -> None:
    average = MovingAverage(nn.Linear(2, 2), decay=0.9).average
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert torch.is_tensor(average.weight)

"""What is remembered of earlier steps, and for how many draws it stands."""

import pytest
import torch

from recsys.training.memory import Memory, Remembered


def _step(*rows: int, vector: float, targets: int = 5) -> Remembered:
    return Remembered(torch.tensor(rows), torch.full((len(rows), 2), vector), targets)


def test_nothing_is_remembered_at_first() -> None:
    assert Memory(10).beside(torch.tensor([0])) is None


def test_an_item_is_remembered_as_it_was_last() -> None:
    memory = Memory(10)
    memory.add(_step(1, 2, vector=1.0))
    memory.add(_step(2, 3, vector=2.0))
    found = memory.beside(torch.tensor([7]))
    assert found is not None
    assert dict(zip(found.rows.tolist(), found.vectors[:, 0].tolist(), strict=True)) == {1: 1.0, 2: 2.0, 3: 2.0}


def test_what_is_a_candidate_anyway_is_not_taken_from_memory() -> None:
    memory = Memory(10)
    memory.add(_step(1, 2, vector=1.0))
    found = memory.beside(torch.tensor([0, 2]))
    assert found is not None
    assert found.rows.tolist() == [1]


def test_it_stands_for_the_draws_of_all_steps_it_holds_and_forgets_the_oldest_whole() -> None:
    memory = Memory(5)
    for number in range(3):
        memory.add(_step(2 * number, 2 * number + 1, vector=1.0, targets=10 + number))
    found = memory.beside(torch.tensor([9]))
    assert found is not None
    assert sorted(found.rows.tolist()) == [2, 3, 4, 5]
    assert (found.targets, found.steps) == (11 + 12, 2)


@pytest.mark.parametrize("size", [0, 1])
def test_a_step_that_is_larger_than_the_memory_is_not_remembered(size: int) -> None:
    memory = Memory(size)
    memory.add(_step(1, 2, vector=1.0))
    assert memory.beside(torch.tensor([0])) is None


def test_it_can_forget_everything() -> None:
    memory = Memory(10)
    memory.add(_step(1, vector=1.0))
    memory.clear()
    assert memory.beside(torch.tensor([0])) is None

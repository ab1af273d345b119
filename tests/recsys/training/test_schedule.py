"""How large a step may be."""

import pytest

from recsys.training.schedule import learning_rate
from recsys.training.steps_config import StepsConfig

WARM = StepsConfig(learning_rate=0.1, warmup_steps=4)
COSINE = StepsConfig(learning_rate=0.1, warmup_steps=4, schedule="cosine")


def test_the_first_steps_warm_up() -> None:
    assert [learning_rate(WARM, steps=steps, progress=0.0) for steps in range(6)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_it_stays_as_it_is_unless_asked() -> None:
    assert learning_rate(WARM, steps=1000, progress=0.9) == 0.1


def test_along_a_cosine_half_of_it_is_left_in_the_middle_and_nothing_at_the_end() -> None:
    told = [learning_rate(COSINE, steps=1000, progress=progress) for progress in (0.0, 0.5, 1.0, 1.5)]
    assert told == pytest.approx([0.1, 0.05, 0.0, 0.0])


def test_the_warm_up_holds_along_a_cosine_too() -> None:
    assert learning_rate(COSINE, steps=1, progress=0.5) == pytest.approx(0.025)


def test_less_than_one_batch_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="accumulate is 0; it is at least 1"):
        StepsConfig(accumulate=0)

"""What each place of a history has to name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.targets import draw_targets

MANY = 20_000


@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=9),
    seed=st.integers(0, 99),
    next_events=st.integers(0, 9),
    next_decay=st.sampled_from([0.01, 0.7, 1.0]),
)
def test_a_place_names_itself_or_a_later_event_of_its_own_piece(lengths: list[int], seed: int, next_events: int, next_decay: float) -> None:
    random = np.random.default_rng(seed)
    sizes, in_order = np.array(lengths), random.random(len(lengths)) < 0.5
    target = draw_targets(sizes, in_order, next_events=next_events, next_decay=next_decay, random=random)
    place = np.arange(max(lengths))
    ahead = target - place
    assert (ahead >= 0).all()
    assert (ahead[~in_order] == 0).all()
    inside = place < sizes[:, None]
    assert (ahead[~inside] == 0).all()
    assert (target < sizes[:, None])[inside].all()
    if next_events:
        assert (ahead < next_events).all()


def _shares_from_the_first_of_four(next_events: int, next_decay: float) -> list[float]:
    lengths, in_order = np.full(MANY, 4), np.ones(MANY, bool)
    target = draw_targets(lengths, in_order, next_events=next_events, next_decay=next_decay, random=np.random.default_rng(0))
    return [float((target[:, 0] == place).mean()) for place in range(4)]


@pytest.mark.parametrize(
    ("next_events", "next_decay", "shares"),
    [
        (1, 0.7, [1, 0, 0, 0]),
        (0, 0.7, [0.25, 0.25, 0.25, 0.25]),
        (2, 1.0, [0.5, 0.5, 0, 0]),
        (3, 0.5, [4 / 7, 2 / 7, 1 / 7, 0]),
        (9, 0.5, [8 / 15, 4 / 15, 2 / 15, 1 / 15]),
    ],
)
def test_how_often_each_event_ahead_is_named(next_events: int, next_decay: float, shares: list[float]) -> None:
    four_standard_deviations = 4 * 0.5 / MANY**0.5
    assert _shares_from_the_first_of_four(next_events, next_decay) == pytest.approx(shares, abs=four_standard_deviations)


def test_the_next_event_alone_takes_no_chance() -> None:
    random = np.random.default_rng(0)
    draw_targets(np.array([3]), np.array([True]), next_events=1, next_decay=0.7, random=random)
    assert random.random() == np.random.default_rng(0).random()

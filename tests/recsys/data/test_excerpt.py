import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.excerpt import Excerpt

LENGTHS, COUNTS = st.integers(1, 9), st.lists(st.integers(0, 40), min_size=1, max_size=6)


def read(count: int, length: int, *, evenly: bool) -> list[int]:
    """Places of one history."""
    places, inside = Excerpt(length, evenly).places(np.array([count]))
    return [int(place) for place, there in zip(places[0], inside[0], strict=True) if there]


@given(counts=COUNTS, length=LENGTHS)
def test_the_newest_are_the_last_of_each_history(counts: list[int], length: int) -> None:
    for count in counts:
        assert read(count, length, evenly=False) == list(range(count))[-length:]


@given(count=st.integers(0, 200), length=LENGTHS)
def test_evenly_means_from_end_to_end_in_steps_that_differ_by_one_at_most(count: int, length: int) -> None:
    places = read(count, length, evenly=True)
    assert len(places) == min(count, length)
    if len(places) > 1:
        steps = np.diff(places)
        assert (places[0], places[-1]) == (0, count - 1)
        assert 1 <= steps.min() <= steps.max() <= steps.min() + 1
    elif places:
        assert places == [count - 1]


@given(counts=COUNTS, length=LENGTHS, evenly=st.booleans())
def test_histories_side_by_side_are_read_as_each_by_itself(counts: list[int], length: int, evenly: bool) -> None:
    places, inside = Excerpt(length, evenly).places(np.array(counts))
    assert places.shape == inside.shape == (len(counts), max(1, min(length, max(counts))))
    for row, count in enumerate(counts):
        assert places[row, inside[row]].tolist() == read(count, length, evenly=evenly)
        assert not places[row, ~inside[row]].any()

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.excerpt import Excerpt

LENGTHS, COUNTS = st.integers(1, 9), st.lists(st.integers(0, 40), min_size=1, max_size=6)


def read(count: int, length: int, *, older: bool) -> list[int]:
    """Places of one history."""
    places, inside = Excerpt(length, older=older).places(np.array([count]))
    return [int(place) for place, there in zip(places[0], inside[0], strict=True) if there]


@given(counts=COUNTS, length=LENGTHS)
def test_the_newest_are_the_last_of_each_history(counts: list[int], length: int) -> None:
    for count in counts:
        assert read(count, length, older=False) == list(range(count))[-length:]


@given(count=st.integers(0, 200), length=LENGTHS)
def test_half_are_the_newest_and_half_are_older_ones_in_steps_that_differ_by_one_at_most(count: int, length: int) -> None:
    places = read(count, length, older=True)
    assert len(places) == min(count, length)
    if count > length:
        older, newest = places[: length // 2], places[length // 2 :]
        assert newest == list(range(count))[-len(newest) :]
        assert older[:1] == [0][: len(older)]
        if len(older) > 1:
            steps = np.diff(older)
            assert older[-1] == newest[0] - 1
            assert 1 <= steps.min() <= steps.max() <= steps.min() + 1


@given(counts=COUNTS, length=LENGTHS, older=st.booleans())
def test_histories_side_by_side_are_read_as_each_by_itself(counts: list[int], length: int, older: bool) -> None:
    places, inside = Excerpt(length, older=older).places(np.array(counts))
    assert places.shape == inside.shape == (len(counts), max(1, min(length, max(counts))))
    for row, count in enumerate(counts):
        assert places[row, inside[row]].tolist() == read(count, length, older=older)
        assert not places[row, ~inside[row]].any()

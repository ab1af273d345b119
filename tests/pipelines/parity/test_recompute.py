import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.parity.recompute import read_by_tower
from pipelines.parity.reference import RawEvent
from recsys.data.excerpt import Excerpt


@given(count=st.integers(0, 60), length=st.integers(1, 9), older=st.booleans())
def test_what_the_tower_reads_is_what_serving_gives_it(count: int, length: int, older: bool) -> None:
    past = [(RawEvent(str(place), "click", None, place, place), "clicked") for place in range(count)]
    places, inside = Excerpt(length, older=older).places(np.array([count]))
    read = read_by_tower(past, {"history_length": length, "reads_older": older})
    assert [int(event.item_id) for event, _ in read] == places[inside].tolist()


def test_a_release_that_says_nothing_reads_the_newest() -> None:
    past = [(RawEvent(str(place), "click", None, place, place), "clicked") for place in range(5)]
    assert [event.item_id for event, _ in read_by_tower(past, {"history_length": 2})] == ["3", "4"]

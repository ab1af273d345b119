import numpy as np
import pytest

from recsys.models.baselines.popularity import Popularity, RecentPopularity
from tests.support.behaviour import interactions_of

PAST = interactions_of([("a", 0, 1), ("b", 0, 2), ("c", 0, 3), ("a", 1, 99), ("b", 2, 2), ("c", 2, 3)], num_items=4)


def test_every_user_gets_the_number_of_likes() -> None:
    assert Popularity(PAST).scores(PAST, np.array([0, -1])).tolist() == [[3, 1, 2, 0], [3, 1, 2, 0]]


def test_recent_likes_come_first_and_older_ones_break_ties() -> None:
    scores = RecentPopularity(PAST, days=10).scores(PAST, np.array([0]))[0]
    assert np.argsort(-scores).tolist() == [1, 0, 2, 3]  # only item 1 was liked in the last ten days


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="0 days"):
        RecentPopularity(PAST, days=0)

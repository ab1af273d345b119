from pathlib import Path

import numpy as np
import pytest

from feature_store.online.protocol import ItemChanges, PostedEvent, UserState
from recsys.data.interactions import microseconds
from recsys.slate.batch import ReleaseScorer, rerank_lists
from recsys.slate.filters import Wishes, build_shelf
from recsys.slate.histories import user_history
from recsys.slate.recommend import candidates, recommend
from recsys.slate.release_reader import read_release
from tests.support.tiny_release import DATE, build_release


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_a_user_gets_the_same_from_the_batch_as_from_one_request(tmp_path: Path, kind: str) -> None:
    release = read_release(build_release(tmp_path, items=400, kind=kind))
    now = microseconds(DATE)
    posted = [PostedEvent(str(row), "u", f"i{row}", "click", now - 400 + row) for row in (5, 9, 14)]
    history = user_history(UserState(posted=posted), release)
    shelf, depth = build_shelf(release.items, ItemChanges()), int(release.serving["candidates"])
    found = candidates(release, shelf, history, k=depth, now=now, wishes=Wishes())
    user = np.zeros(1, np.int64)
    scores = ReleaseScorer(release).scores(history.past, user)[0]
    assert scores[found.item_index] == pytest.approx(found.scores, abs=1e-5)
    lists, worth = rerank_lists(release, history.past, user, found.item_index[None], found.scores[None], now=DATE)
    slate = recommend(release, shelf, history, k=depth, now=now, wishes=Wishes())
    assert lists[0].tolist() == slate.item_index.tolist()
    assert worth[0] == pytest.approx(slate.scores, abs=1e-5)

import numpy as np
import polars as pl

from feature_store.schema import EXAMPLES
from pipelines.stages.train_ranker import build_lists
from recsys.data.interactions import Interactions
from recsys.data.relevance import Kind
from recsys.models.baselines.popularity import Popularity
from recsys.training.config import RankerConfig
from tests.support.behaviour import day, interactions_of, items_of
from tests.support.rated_items import NOTHING_KNOWN

LOG: Interactions = interactions_of([("u", 0, 1, Kind.CLICK), ("v", 1, 2, Kind.CLICK), ("v", 2, 3, Kind.CLICK)], num_items=4)


def example(request: str, item: str, when: float, *, clicked: bool) -> dict[str, object]:
    acts = {"clicked": clicked, "carted": False, "purchased": False, "liked": False}
    shown = {"predicted_at": day(when), "shown": True, "position": 1, "weight": 1.0}
    return {"request_id": request, "user_id": "u", "item_id": item} | shown | acts


def test_a_day_on_which_nothing_followed_has_lists_without_labels() -> None:
    rows = [example("first", "i1", 10, clicked=True), example("second", "i2", 12, clicked=False)]
    lists = build_lists(
        pl.DataFrame(rows, schema=EXAMPLES.schema),
        LOG,
        items_of(4),
        NOTHING_KNOWN,
        Popularity(LOG),
        RankerConfig(candidates=4),
        tasks=("click",),
        history_length=10,
    )
    assert lists.item_index.tolist() == [[1, 2, 3, -1], [1, 2, 3, -1]]  # item 0 was met before
    assert lists.labels[:, :, 0].tolist() == [[True, False, False, False], [False] * 4]
    assert np.array_equal(lists.num_wanted, [1, 0])

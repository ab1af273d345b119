"""What users were shown and did nothing with: of all that they did not choose, what they are likely to have seen."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.data.relevance import Relevance
from recsys.data.runs import gather_runs
from recsys.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """Pairs of a user and an item, each once, one user after another."""

    user_ids: npt.NDArray[np.object_]
    """(users,), ascending."""
    offsets: npt.NDArray[np.int64]
    """(users + 1,): items of user u are offsets[u] : offsets[u + 1]."""
    item_index: npt.NDArray[np.int64]
    """(pairs,)"""

    def of_users(self, user_ids: npt.NDArray[np.object_]) -> "PassedOver":
        """For these users in this order; one who is unknown here has passed nothing over."""
        if not len(self.user_ids):
            return replace(self, user_ids=user_ids, offsets=np.zeros(len(user_ids) + 1, np.int64))
        rows = np.minimum(np.searchsorted(self.user_ids, user_ids), len(self.user_ids) - 1)
        offsets, places = gather_runs(self.offsets, np.where(self.user_ids[rows] == user_ids, rows, -1))
        return PassedOver(user_ids=user_ids, offsets=offsets, item_index=self.item_index[places])

    def of_items(self, items: npt.NDArray[np.bool_]) -> "PassedOver":
        """Of some items alone; (items,) whether an item is one of them."""
        kept = items[self.item_index]
        return replace(self, offsets=np.r_[0, np.cumsum(kept)][self.offsets], item_index=self.item_index[kept])

    def by(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """What some users passed over: the place in `rows` of each user, and the item; a user may come twice."""
        offsets, places = gather_runs(self.offsets, rows)
        return np.repeat(np.arange(len(rows)), np.diff(offsets)), self.item_index[places]


def build_passed_over(events: pl.LazyFrame, *, vocabulary: Vocabulary, relevance: Relevance, known_before: datetime) -> PassedOver:
    """Read out of an event log who was shown what, and did nothing with it.

    Args:
        events: Rows of the table `events`. Items without a row are left out.
        vocabulary: Rows of the items.
        relevance: What an event says.
        known_before: Only events that had happened, and were known, strictly before this moment: what is chosen later was passed over
            until then.
    """
    items = pl.LazyFrame(
        {"item_id": list(vocabulary.item_ids), "item_index": np.arange(len(vocabulary))},
        schema={"item_id": pl.String, "item_index": pl.Int64},
    )
    pairs = (
        events.filter(pl.col("event_time") < known_before, pl.col("known_at") < known_before)
        .with_columns(relevance.kind())
        .group_by("user_id", "item_id")
        .agg((pl.col("event_type") == "impression").any().alias("shown"), pl.col("kind").is_not_null().any().alias("acted"))
        .filter("shown", ~pl.col("acted"))
        .join(items, on="item_id", how="inner")
        .sort("user_id", "item_index")
        .select("user_id", "item_index")
        .collect()
    )
    user_ids, counts = np.unique(pairs["user_id"].to_numpy().astype(object), return_counts=True)
    return PassedOver(
        user_ids=user_ids,
        offsets=np.r_[0, np.cumsum(counts)].astype(np.int64),
        item_index=pairs["item_index"].to_numpy().astype(np.int64),
    )

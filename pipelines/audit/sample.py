"""A few users and items of a shop, as tables of their own."""

import numpy as np
import polars as pl

from feature_store.embeddings import read_embeddings
from feature_store.layout import Workspace
from feature_store.schema import CATALOGUE, EVENTS
from feature_store.splits import Cuts
from pipelines.audit.tables import SmallTables
from recsys.data.relevance import Relevance

USERS_PER_WINDOW = 75
"""Users of each of the four windows between the cuts who wanted something in it."""
MOST_ITEMS = 250
"""Those that these users met most."""


def draw_sample(source: Workspace, *, cuts: Cuts, relevance: Relevance) -> SmallTables:
    """Some users and what they did with the items they met most; bounded in size, the same for the same tables.

    Args:
        source: The shop.
        cuts: Of the night; what happened or became known at or after its date is left out.
        relevance: What counts as wanted.
    """
    events = source.read("events").scan(EVENTS).filter(pl.max_horizontal("event_time", "known_at") < cuts.date)
    wanted = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    users = _users(events.filter(wanted), cuts)
    catalogue = source.read("catalogue").scan(CATALOGUE).collect()
    theirs = events.join(users.lazy(), on="user_id", how="semi", maintain_order="left").collect()
    met = theirs.join(catalogue, on="item_id", how="semi")["item_id"].value_counts()
    kept = met.sort("count", "item_id", descending=[True, False]).head(MOST_ITEMS)

    def of_kept(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(kept, on="item_id", how="semi", maintain_order="left")

    vectors = read_embeddings(source.read("item_embeddings"))
    return SmallTables(
        events=of_kept(theirs), catalogue=of_kept(catalogue), vectors={name: of_kept(rows) for name, rows in vectors.items()}
    )


def _users(wanted: pl.LazyFrame, cuts: Cuts) -> pl.DataFrame:
    """Users evenly spread over those who wanted something in each window, so that none of the windows is empty."""
    start, found = None, []
    for end in (cuts.ranker, cuts.validation, cuts.test, cuts.date):
        inside = pl.col("event_time") < end
        window = wanted.filter(inside if start is None else inside & (pl.col("event_time") >= start))
        users = window.select("user_id").unique().sort("user_id").collect()
        found.append(users[np.unique(np.linspace(0, users.height - 1, min(USERS_PER_WINDOW, users.height)).astype(np.int64))])
        start = end
    return pl.concat(found).unique().sort("user_id")

"""A few users and items of a shop, as tables of their own."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from feature_store.embeddings import read_embeddings
from feature_store.layout import TableReader
from feature_store.schema import CATALOGUE, EVENTS, KNOWLEDGE, USERS
from feature_store.splits import Cuts
from pipelines.audit.tables import SmallTables
from recsys.data.relevance import Relevance

USERS_PER_WINDOW = 75
"""Users of each of the four windows between the cuts who wanted something in it."""
ITEMS_PER_WINDOW = 100
"""Items that these users wanted most in each window."""


def draw_sample(
    events: TableReader,
    known: TableReader,
    catalogue: TableReader,
    embeddings: TableReader,
    knowledge: TableReader,
    *,
    cuts: Cuts,
    relevance: Relevance,
) -> SmallTables:
    """Some users and all they did with some items; bounded in size, the same for the same tables, with wanted items in every window.

    Args:
        events: Of the shop.
        known: The table `users` of the shop.
        catalogue: Of the shop.
        embeddings: Of the shop.
        knowledge: Of the shop.
        cuts: Of the night; what happened or became known at or after its date is left out.
        relevance: What counts as wanted.
    """
    items = catalogue.scan(CATALOGUE).collect()
    earlier = [file.filter(pl.max_horizontal("event_time", "known_at") < cuts.date) for file in events.scan_files(EVENTS)]
    log = [file.join(items.lazy().select("item_id"), on="item_id", how="semi", maintain_order="left") for file in earlier]
    inner = [cuts.ranker, cuts.validation, cuts.test]
    window = pl.sum_horizontal((pl.col("event_time") >= cut).cast(pl.Int8) for cut in inner).alias("window")
    said = relevance.kind().is_in([int(kind) for kind in relevance.relevant_kinds()])
    wanted = [file.filter(said).select("user_id", "item_id", window) for file in log]
    users = pl.concat([_spread(part) for part in _distinct(file.select("window", "user_id") for file in wanted).partition_by("window")])

    def of_users(files: list[pl.LazyFrame]) -> pl.DataFrame:
        return pl.concat([file.join(users.lazy(), on="user_id", how="semi", maintain_order="left").collect() for file in files])

    met = of_users(wanted).group_by("window", "item_id").len()
    most = met.sort("window", "len", "item_id", descending=[False, True, False]).group_by("window").head(ITEMS_PER_WINDOW)

    def of_these(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(most, on="item_id", how="semi", maintain_order="left")

    vectors = {name: of_these(rows) for name, rows in read_embeddings(embeddings).items()}
    triples = of_these(knowledge.scan(KNOWLEDGE).collect())
    told = known.scan(USERS).filter(pl.col("known_at") < cuts.date).join(users.lazy(), on="user_id", how="semi").collect()
    return SmallTables(events=of_these(of_users(log)), users=told, catalogue=of_these(items), vectors=vectors, knowledge=triples)


def _distinct(files: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """Distinct rows of all files; in memory are at most about twice as many as there are."""
    found: list[pl.DataFrame] = []
    for file in files:
        found.append(file.unique().collect())
        if sum(rows.height for rows in found[1:]) > found[0].height:
            found = [pl.concat(found).unique()]
    return pl.concat(found).unique()


def _spread(users: pl.DataFrame) -> pl.DataFrame:
    """USERS_PER_WINDOW of these users, evenly spread over their ids."""
    places = np.linspace(0, users.height - 1, min(USERS_PER_WINDOW, users.height)).astype(np.int64)
    return users.sort("user_id")[places].select("user_id")

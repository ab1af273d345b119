"""What is recommended to one user, for the terminal, beside what the user did."""

from collections.abc import Iterator

import polars as pl
from rich.markup import escape
from rich.table import Table

from pipelines.config import Config
from pipelines.recommend import history_of, some_user_ids, titles_of
from recsys.data.relevance import Kind


def recommendation_tables(config: Config, user_id: str, found: pl.DataFrame) -> Iterator[Table | str]:
    """The newest of the history, or a line that there is none; then the recommendations."""
    workspace = config.open_workspace()
    titles = titles_of(workspace)
    past = history_of(config, user_id, newest=10)
    if past.is_empty():
        known = ", ".join(some_user_ids(workspace))
        yield escape(f"{user_id} is unknown: these are for a stranger. The log knows {known}, ...")
    else:
        history = Table("when", "what", "item", title=f"{escape(user_id)}: newest of the history")
        for item_id, kind, moment in past.rows():
            history.add_row(f"{moment:%Y-%m-%d}", Kind(kind).name.lower(), escape(titles[item_id]))
        yield history
    table = Table("rank", "item_id", "title", "score", title="recommended")
    for row in found.rows(named=True):
        table.add_row(str(row["rank"]), escape(row["item_id"]), escape(titles[row["item_id"]]), f"{row['score']:.3f}")
    yield table

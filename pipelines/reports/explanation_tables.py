"""Why an item is recommended to a user, for the terminal."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from pipelines.config import Config
from pipelines.explain import ItemExplanation
from pipelines.recommend import some_user_ids, titles_of
from recsys.data.relevance import Kind


def explanation_tables(config: Config, found: ItemExplanation) -> Iterator[Table | str]:
    """The parts of the score, what each event adds, and a line where the user is unknown or the parts could not be parted further."""
    workspace = config.open_workspace()
    titles = titles_of(workspace)  # what was added since is in no table yet, and called by its id
    if not found.known:
        some = ", ".join(some_user_ids(workspace))
        yield escape(
            f"the log has no event of {found.user_id}: this is the retriever's score for a stranger, to whom the API shows what is "
            f"popular. The log knows {some}, ..."
        )
    whole = sum(abs(value) for value in found.parts.values()) or 1.0
    head = f"{found.user_id}: {titles.get(found.item_id, found.item_id)}, score {found.score:.3f}"
    table = Table("part", "adds", "share of all parts", title=escape(head))
    for name, value in found.parts.items():
        table.add_row(name, f"{round(value, 3) + 0:+.3f}", f"{round(value / whole, 2) + 0:+.0%}")  # + 0: no minus before a zero
    yield table
    if "fused.rest" in found.parts:
        yield "fused.rest: what id, photo, texts and category say only together, or more than one of them says"
    if found.events:
        history = Table("when", "what", "item", "worth", title="how much lower the score were without the event")
        for event in found.events:
            when, what = f"{event.event_time:%Y-%m-%d}", Kind(event.kind).name.lower()
            history.add_row(when, what, escape(titles.get(event.item_id, event.item_id)), f"{event.worth:+.3f}")
        yield history
    if "fused" in found.parts:
        yield f"not parted further: fused, as the item was added since or the tables hold another model than release {found.release_id}"

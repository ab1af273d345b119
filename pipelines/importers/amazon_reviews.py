"""Amazon Reviews 2023 in its original files, one category at a time (Hou et al., arXiv 2403.03952).

An item is a `parent_asin`: the colours and sizes of a product share one page and its reviews. Some of what the files hold was not known
when a review was written, and would tell a model the future: of a product average_rating, rating_number, bought_together and the ranks
among its `details`, of a review helpful_vote. None of it is ever brought. Left behind are also verified_purchase, videos and the photos
of reviewers.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.times import TimeRule
from pipelines.importers import amazon_items
from pipelines.importers.files import find_file, read_lines
from pipelines.importers.json_lines import as_told, json_object, plain, texts
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing
from pipelines.importers.moments import utc_or_as_found
from pipelines.progress import Progress

COLUMNS = pl.Schema(dict.fromkeys(("user_id", "item_id", "event_type", "value", "text", "event_time"), pl.String))

_ADVICE = "put the two files of each category into a folder of their own, packed or unpacked"


def import_amazon_reviews(source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
    """Bring reviews and products into the landing folders.

    Args:
        source: Folder of `<Category>.jsonl` and `meta_<Category>.jsonl`, or either as `.jsonl.gz`.
        landing: Where to. Reviews come in parts, since all of them need not fit into memory; products come at once.
        posters: None: photos stay URLs.
        progress: Shows how many blocks of lines have come.

    Raises:
        ImportSourceError: A file is missing or damaged, several categories lie side by side, or there is a folder of posters.
    """
    if posters is not None:
        raise ImportSourceError("photos of amazon_reviews are URLs in its own files; leave --posters out")
    about = find_file(source, "meta_*.jsonl", "meta_*.jsonl.gz", advice=_ADVICE)
    category = about.name.removeprefix("meta_").partition(".jsonl")[0]
    reviews = find_file(source, f"{category}.jsonl", f"{category}.jsonl.gz", advice=_ADVICE)
    blocks = read_lines(about, what="bringing products", progress=progress)
    products = pl.concat([amazon_items.COLUMNS.to_frame(), *(_rows(lines, amazon_items.item_of, amazon_items.COLUMNS) for lines in blocks)])
    landing.put_catalogue(products, f"amazon-{category}")
    lines_told, events = products.height, 0
    items = products["item_id"].count()
    for number, lines in enumerate(read_lines(reviews, what="bringing reviews", progress=progress), start=1):
        part = _rows(lines, review_of, COLUMNS)
        landing.put_events(part.with_columns(utc_or_as_found(part["event_time"], TimeRule(unit="ms"))), f"amazon-{category}-{number:04d}")
        lines_told += part.height
        events += part["item_id"].count()
    return ImportSummary(events=events, items=items, broken=lines_told - events - items)


def review_of(line: bytes) -> Mapping[str, Any]:
    """A row of COLUMNS: a review with its stars as value and its title and words as text.

    A line without a `user_id` or `parent_asin`, or that is no JSON object, comes as a row without ids whose text is the line.
    """
    found = json_object(line)
    user_id, item_id = plain(found.get("user_id")), plain(found.get("parent_asin"))
    if user_id is None or item_id is None:
        return {"text": as_told(line)}
    return {
        "user_id": user_id,
        "item_id": item_id,
        "event_type": "review",
        "value": plain(found.get("rating")),
        "text": "\n".join(texts(found.get("title")) + texts(found.get("text"))) or None,
        "event_time": plain(found.get("timestamp")),
    }


def _rows(lines: list[bytes], row_of: Callable[[bytes], Mapping[str, Any]], columns: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame([row_of(line) for line in lines], schema=columns)

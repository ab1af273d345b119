"""One product of Amazon Reviews 2023, as a line of `meta_<Category>.jsonl` tells of it."""

import itertools
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.importers.json_lines import as_told, json_object, plain, texts

DETAILS = (
    "Brand",
    "Color",
    "Department",
    "Flavor",
    "Format",
    "Genre",
    "Hair Type",
    "Item Form",
    "Language",
    "Material",
    "Pattern",
    "Scent",
    "Size",
    "Skin Type",
    "Style",
    "Theme",
)
"""Entries of `details` that say what a product is; the others are numbers of parts, dates, measures and ranks."""
PHOTO_SIZES = ("large", "hi_res", "thumb")
"""About 500, 1,500 and 75 pixels a side; the first that is there is taken, since encoders read at most 500."""

ATTRIBUTES = {f"attribute.{name.lower()}": name for name in DETAILS}
COLUMNS = pl.Schema(
    [
        *((name, pl.String()) for name in ("item_id", "title", "description", "image_uri", "attribute.store", *ATTRIBUTES)),
        ("category", pl.List(pl.String())),
        ("price", pl.Float64()),
    ]
)

_PRICE = re.compile(r"\$?\s*((?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?|\d+,\d{2})")


def item_of(line: bytes) -> Mapping[str, Any]:
    """A row of COLUMNS.

    The description is the features and then the description. A price that is no amount of dollars (`None`, `from 9.99`) is unknown; a
    comma before groups of three digits is one of thousands (`1,299.00`), one before the last two digits a decimal comma (`12,99`).
    A line without a `parent_asin`, or that is no JSON object, comes as a row without an id whose description is the line.
    """
    found = json_object(line)
    item_id = plain(found.get("parent_asin"))
    if item_id is None:
        return {"description": as_told(line)}
    details = found.get("details")
    if isinstance(details, str):
        details = json_object(details)
    named = details if isinstance(details, dict) else {}
    return {
        "item_id": item_id,
        "title": plain(found.get("title")),
        "description": "\n".join(texts(found.get("features")) + texts(found.get("description"))) or None,
        "category": texts(found.get("categories")) or texts(found.get("main_category")),
        "price": _dollars(found.get("price")),
        "image_uri": _photo(found.get("images")),
        "attribute.store": plain(found.get("store")),
        **{ours: plain(named.get(theirs)) for ours, theirs in ATTRIBUTES.items()},
    }


def _dollars(value: object) -> float | None:
    found = _PRICE.fullmatch((plain(value) or "").strip())
    if found is None:
        return None
    amount = found[1]
    return float(amount.replace(",", "." if amount[-3:-2] == "," else ""))


def _photo(images: object) -> str | None:
    """The URL of the main photo, else of the first; images are a list of objects, or one object of lists that stand side by side."""
    if isinstance(images, dict):
        sides = [side if isinstance(side, list) else [] for side in images.values()]
        images = [dict(zip(images, views, strict=True)) for views in itertools.zip_longest(*sides)]
    photos = [photo for photo in images if isinstance(photo, dict)] if isinstance(images, list) else []
    for photo in sorted(photos, key=lambda photo: photo.get("variant") != "MAIN"):
        for size in PHOTO_SIZES:
            url = plain(photo.get(size))
            if url and url.startswith(("http://", "https://")):
                return url
    return None

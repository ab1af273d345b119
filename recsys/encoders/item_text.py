"""The text of an item, as a text encoder reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

FIELDS = ("title", "description", "category", "attributes")


def compose_text(item: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Title. Description. Categories. Name: value of each attribute; empty where the item has none of them.

    Args:
        item: A row of the table `catalogue`.
        fields: Which of FIELDS take part, in the order they are read.

    Raises:
        ValueError: A field is none of FIELDS.
    """
    parts = [part for field in fields for part in _parts(item, field)]
    return ". ".join(part for part in (" ".join(part.split()).rstrip(".") for part in parts) if part)


def _parts(item: Mapping[str, Any], field: str) -> list[str]:
    if field in ("title", "description"):
        return [item[field] or ""]
    if field == "category":
        return [", ".join(name for name in item[field] if name)]
    if field == "attributes":
        return [f"{entry['name']}: {entry['value']}" for entry in item[field] if entry["name"] and entry["value"]]
    raise ValueError(f"text_fields: found {field!r}; allowed are {', '.join(FIELDS)}. Change [embed] text_fields.")

"""The text of an item, as a text encoder reads it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

FIELDS = ("title", "description", "category", "attributes")
CONTROLS = dict.fromkeys(code for code in (*range(0x20), *range(0x7F, 0xA0)) if not chr(code).isspace())
"""Control characters that are no space; `str.translate` leaves them out."""
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Unicode categories of what leaves no mark on paper."""


def compose_text(item: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Title. Description. Categories. Name: value of each attribute; empty where the item has none of them, or none that can be seen.

    Control characters are left out, and what is spaces and invisible marks alone counts as nothing.

    Args:
        item: A row of the table `catalogue`.
        fields: Which of FIELDS take part, in the order they are read.

    Raises:
        ValueError: A field is none of FIELDS.
    """
    parts = [part for field in fields for part in _parts(item, field)]
    return ". ".join(part for part in map(_clean, parts) if part)


def _clean(part: str) -> str:
    words = " ".join(part.translate(CONTROLS).split()).rstrip(".")
    return words if any(unicodedata.category(letter) not in UNSEEN for letter in words) else ""


def _parts(item: Mapping[str, Any], field: str) -> list[str]:
    if field in ("title", "description"):
        return [item[field] or ""]
    if field == "category":
        return [", ".join(name for name in item[field] if name)]
    if field == "attributes":
        return [f"{entry['name']}: {entry['value']}" for entry in item[field] if entry["name"] and entry["value"]]
    raise ValueError(f"there is no text field {field!r}; there are {', '.join(FIELDS)}")

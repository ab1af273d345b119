"""One line of JSON and its fields, where a field may hold anything."""

import json
from collections.abc import Mapping
from typing import Any


def json_object(line: bytes | str) -> Mapping[str, Any]:
    """The object in a text; an empty one if there is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def plain(value: object) -> str | None:
    """A text, number or truth as text; None for nothing, an empty text, a list or an object."""
    if value is None or value == "" or isinstance(value, list | dict):
        return None
    return str(value).encode(errors="replace").decode()  # JSON can write half a surrogate pair, which is no text


def texts(value: object) -> list[str]:
    """The texts of a list, or of one that stands alone."""
    found = (plain(entry) for entry in (value if isinstance(value, list) else [value]))
    return [text for text in found if text is not None]


def as_told(line: bytes) -> str:
    """The line itself, to be kept where it cannot be used."""
    return line.decode(errors="replace").strip()

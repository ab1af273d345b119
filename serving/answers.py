"""JSON answers written once, by orjson."""

from typing import Any

import orjson
from fastapi import Response


def answer(body: Any, *, status: int = 200, media_type: str = "application/json") -> Response:
    """An answer; numpy numbers and arrays are written as they are."""
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status_code=status, media_type=media_type)

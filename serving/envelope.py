"""Around every request: an id, and a limit on what is read."""

import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem


class Envelope:
    """ASGI middleware.

    Args:
        app: What answers.
        max_body_bytes: A larger body is refused before it is read to its end.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app, self._limit = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"x-request-id", request_id.encode())]}
            await send(message)

        body = await self._read(receive) if scope["method"] in ("POST", "PUT", "PATCH") else b""
        if body is None:
            detail = f"the body is larger than {self._limit} bytes. Send several smaller requests."
            await problem(request_id, 413, "The body is too large", detail)(scope, receive, send_with_id)
            return
        waiting = [body]

        async def receive_body() -> Message:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

        await self._app(scope, receive_body, send_with_id)

    async def _read(self, receive: Receive) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

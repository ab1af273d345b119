"""Errors as application/problem+json (RFC 9457): what was found, what is allowed, what to do."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from feature_store.errors import OnlineStoreError
from serving.answers import answer


class ProblemError(Exception):
    """A request that cannot be answered as it stands.

    Args:
        status: HTTP status.
        title: What kind of thing went wrong.
        detail: What was found, what is allowed, what to do.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def problem(request_id: str, status: int, title: str, detail: str, **more: Any) -> Response:
    """The answer that tells of an error."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request_id": request_id, **more}
    return answer(body, status=status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""

    @app.exception_handler(ProblemError)
    async def _ours(request: Request, error: ProblemError) -> Response:
        return problem(request.state.request_id, error.status, error.title, error.detail)

    @app.exception_handler(OnlineStoreError)
    async def _no_store(request: Request, error: OnlineStoreError) -> Response:
        return problem(request.state.request_id, 503, "The online store does not answer", str(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = [
            {"where": ".".join(map(str, entry["loc"])), "problem": entry["msg"], "found": repr(entry.get("input"))[:200]}
            for entry in error.errors()[:20]
        ]
        if any(isinstance(entry.get("input"), bytes) for entry in error.errors()):
            sent = request.headers.get("content-type", "none")
            detail = f"the body was not read as JSON: its content-type is {sent}. Send the header content-type: application/json."
            return problem(request.state.request_id, 422, "The body is not marked as JSON", detail)
        detail = "; ".join(f"{entry['where']}: {entry['problem']}, found {entry['found']}" for entry in found[:3])
        return problem(
            request.state.request_id, 422, "The request cannot be read", f"{detail}. See /docs for what is allowed.", errors=found
        )

    @app.exception_handler(HTTPException)
    async def _other(request: Request, error: HTTPException) -> Response:
        return problem(request.state.request_id, error.status_code, str(error.detail), f"{request.method} {request.url.path}: see /docs.")

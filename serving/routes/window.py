"""The shop window: one page, the pictures it shows, and what it knows of a user."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from recsys.slate.histories import user_history
from serving.answers import answer
from serving.problems import ProblemError
from serving.state import event_card, state_of

WEB = Path(__file__).parents[1] / "web"
POLICY = "default-src 'self'; img-src 'self' data: https:"
PARTS = {"style.css": "text/css", "page.js": "text/javascript", "docs.js": "text/javascript"}
PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}

router = APIRouter()


@router.get("/", include_in_schema=False)
async def get_page() -> Response:
    """A page without anything from elsewhere."""
    return FileResponse(WEB / "index.html", media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/docs", include_in_schema=False)
async def get_docs() -> Response:
    """The reference: /openapi.json as a page."""
    return FileResponse(WEB / "docs.html", media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/web/{name}", include_in_schema=False)
async def get_part(name: str) -> Response:
    """Style and script of the pages."""
    if name not in PARTS:
        raise ProblemError(404, "No such file", f"{name[:200]!r} is no part of a page; there are {', '.join(PARTS)}")
    return FileResponse(WEB / name, media_type=PARTS[name])


@router.get("/v1/users", summary="A few users of whom something is known, to try the rest with")
async def get_users(request: Request, limit: Annotated[int, Query(ge=1, le=8)] = 8) -> Response:
    """The first ids of the night's snapshot, in no meaningful order; only where the process was started with --show-users."""
    if not state_of(request).settings.show_users:
        raise ProblemError(404, "Users are not listed", "start the API with --show-users to try it out; never where strangers can reach it")
    return answer({"request_id": request.state.request_id, "user_ids": state_of(request).store.some_users(limit)})


@router.get("/v1/users/{user_id:path}/history", summary="The newest distinct items of a user, newest first")
async def get_history(user_id: str, request: Request) -> Response:
    """As many as the user tower reads, though of a longer history it may read older ones too; empty for a stranger."""
    state = state_of(request)
    served = state.keeper.current()
    past = user_history(state.user(user_id), served.release).past
    newest = range(len(past.item_index) - 1, max(-1, len(past.item_index) - 1 - int(served.release.serving["history_length"])), -1)
    items = [event_card(served, past, place) for place in newest]
    return answer({"request_id": request.state.request_id, "release_id": served.release.release_id, "items": items})


@router.get("/images/{path:path}", include_in_schema=False)
async def get_image(path: str, request: Request) -> Response:
    """A picture below the image root; nothing outside it is ever read."""
    root = state_of(request).settings.images
    if root is None:
        raise ProblemError(404, "No pictures", "this process has no image root; start it with --images FOLDER")
    try:
        wanted = (root / path).resolve()
        there = wanted.is_relative_to(root.resolve()) and wanted.suffix.lower() in PICTURES and wanted.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise ProblemError(404, "No such picture", f"{path[:200]!r} is no picture below the image root; use an image_uri of the catalogue")
    return FileResponse(wanted, media_type=PICTURES[wanted.suffix.lower()], headers={"Cache-Control": "max-age=3600"})

"""Is it alive, is it ready, what does it serve."""

from fastapi import APIRouter, Request, Response

from serving.answers import answer
from serving.state import state_of

router = APIRouter()


@router.get("/healthz", summary="The process lives")
async def get_health(request: Request) -> Response:
    """Always 200."""
    return answer({"status": "alive", "request_id": request.state.request_id})


@router.get("/readyz", summary="A release is served; `problem` says why a newer one is not")
async def get_ready(request: Request) -> Response:
    """200, or 503 while nothing can be served."""
    keeper = state_of(request).keeper
    release_id = keeper.current().release.release_id
    return answer({"status": "ready", "request_id": request.state.request_id, "release_id": release_id, "problem": keeper.problem})


@router.get("/v1/release", summary="What is served")
async def get_release(request: Request) -> Response:
    """Release, items, and what stands in the way of a newer one."""
    keeper = state_of(request).keeper
    release = keeper.current().release
    added = len(release.items) - release.published
    told = {name: release.description.get(name) for name in ("created_at", "date", "contents_digest", "gates")}
    body = {"request_id": request.state.request_id, "release_id": release.release_id, "items": len(release.items), "added": added}
    return answer({**body, **told, "serving": dict(release.serving), "problem": keeper.problem})

"""Events come in and are in the user's next answer."""

import hashlib
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from feature_store.online.protocol import PostedEvent as Stored
from feature_store.online.protocol import oldest_shown
from serving.answers import answer
from serving.bodies import MOST_EVENTS, PostedEvent, Taken, moment
from serving.problems import ProblemError
from serving.state import now, state_of

AHEAD_MICROSECONDS = 300_000_000
"""Clocks differ; an event further ahead than this is refused."""

router = APIRouter(prefix="/v1")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": [PostedEvent.model_json_schema(), {"type": "array", "maxItems": MOST_EVENTS}]}}
        },
    }
}


@router.post("/events", response_model=Taken, summary="Take in one event, or a list of them", openapi_extra=_BODY)
async def post_events(request: Request) -> Response:
    """Each row is judged on its own: good rows are taken, bad ones named; if none is good the answer is 422."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ProblemError(422, "The body is no JSON", f"{error}. Send one event or a list of events; see /docs.") from error
    rows = body if isinstance(body, list) else [body]
    if not 1 <= len(rows) <= MOST_EVENTS:
        raise ProblemError(
            422, "Too many or no events", f"{len(rows)} events were sent; 1 to {MOST_EVENTS} are allowed. Send several batches."
        )
    state, moment_now = state_of(request), now()
    erased, oldest = state.store.tombstones(), oldest_shown(state.settings.posted_days)
    taken: list[Stored] = []
    refused: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        try:
            event = PostedEvent.model_validate(row)
            name = state.names.of(event.user_id)
            if erased.holds(event.user_id) or erased.holds(name):
                raise ValueError("user_id: this user was erased, and nothing of them is taken in. Give a user who comes back another id.")
            stored = _stored(event.model_copy(update={"user_id": name}), moment_now)
            if stored.event_time < oldest:
                raise ValueError(
                    f"event_time {event.event_time} is too old; at most {state.settings.posted_days} days are allowed here. "
                    "Send older events to the landing folder of the night."
                )
            taken.append(stored)
        except (ValidationError, ValueError) as error:
            refused.append({"row": number, "problem": _why(error)})
    if not taken:
        raise ProblemError(422, "No event could be taken", "; ".join(f"row {bad['row']}: {bad['problem']}" for bad in refused[:3]))
    new = await run_in_threadpool(state.store.append, taken)
    return answer({"request_id": request.state.request_id, "accepted": len(taken), "new": new, "refused": refused})


def _stored(event: PostedEvent, moment_now: int) -> Stored:
    when = moment(event.event_time, otherwise=moment_now)
    if when > moment_now + AHEAD_MICROSECONDS:
        raise ValueError(
            f"event_time {event.event_time} lies in the future; at most 5 minutes ahead are allowed. Send the moment it happened."
        )
    row = f"{event.user_id}\0{event.item_id}\0{event.event_type}\0{event.value}\0{when}"
    event_id = event.event_id or hashlib.sha256(row.encode()).hexdigest()[:32]
    return Stored(
        event_id, event.user_id, event.item_id, event.event_type, when, event.value, event.request_id, event.release_id, event.position
    )


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        parts = [
            f"{'.'.join(map(str, part['loc'])) or 'event'}: {part['msg']}, found {part['input']!r:.100}" for part in error.errors()[:3]
        ]
        return "; ".join(parts)
    return str(error)

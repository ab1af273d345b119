"""Why an item for a user."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from recsys.slate.explain import explain
from recsys.slate.histories import user_history
from recsys.slate.release_reader import ReleaseFormatError
from serving.answers import answer
from serving.bodies import Explained
from serving.problems import ProblemError
from serving.state import event_card, item_card, item_row, state_of

router = APIRouter(prefix="/v1")


@router.get(
    "/users/{user_id:path}/explain/{item_id:path}", response_model=Explained, summary="What the retrieval score of an item is made of"
)
async def get_explanation(user_id: str, item_id: str, request: Request, events: Annotated[int, Query(ge=0, le=100)] = 10) -> Response:
    """Parts that add up to the score, and what each of the newest events that the user tower reads adds to it."""
    state = state_of(request)
    served = state.keeper.current()
    row = item_row(served, item_id)
    history = user_history(state.user(user_id), served.release)
    if history.empty:
        raise ProblemError(
            404,
            "Unknown user",
            f"nothing is known of user {user_id[:256]!r}: such users are shown what is popular. Post events of the user.",
        )
    try:
        found = explain(served.release, history.for_tower(served.release.excerpt), row, newest=events)
    except ReleaseFormatError as error:
        raise ProblemError(409, "The release cannot be explained", str(error)) from error
    worth = [
        {**event_card(served, history.past, int(place)), "worth": float(worth)}
        for place, worth in zip(found.events, found.worth, strict=True)
    ]
    head = {"request_id": request.state.request_id, "release_id": served.release.release_id}
    return answer({**head, **item_card(served, row), "score": found.score, "parts": dict(found.parts), "events": worth})

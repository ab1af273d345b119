"""Candidates, recommendations and similar items."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from feature_store.online.protocol import PostedEvent, UserState
from recsys.slate.filters import Wishes
from recsys.slate.histories import user_history
from recsys.slate.recommend import Slate, candidates, recommend
from recsys.slate.similar import similar
from serving.answers import answer
from serving.bodies import MOST_ITEMS, Ask, AskSlate, Filters, moment
from serving.bodies import Slate as SlateBody
from serving.keeper import Served
from serving.problems import ProblemError
from serving.sampling import Sampling
from serving.state import item_row, now, slate_body, state_of

router = APIRouter(prefix="/v1")


@router.post("/candidates", response_model=SlateBody, summary="Retrieval only: the retriever's best unseen items")
async def post_candidates(ask: Ask, request: Request) -> Response:
    """Items in the order of the retriever."""
    served, moment_now = state_of(request).keeper.current(), now()
    history = user_history(_known(request, ask, moment_now), served.release)
    wishes = _wishes(served, ask.filters)
    found = candidates(served.release, served.shelf, history, k=_k(served, ask.k), now=moment_now, wishes=wishes)
    slate = Slate(found.item_index, found.scores, "popular" if history.empty else "personal", found.path)
    return answer(slate_body(served, slate, request.state.request_id))


@router.post("/recommendations", response_model=SlateBody, summary="Retrieve, filter, rank: what to show this user")
async def post_recommendations(ask: AskSlate, request: Request) -> Response:
    """Items in the order of the ranker; popular ones, and `source` says so, for a user of whom nothing is known."""
    served, moment_now = state_of(request).keeper.current(), now()
    sampling = _sampling(request, ask)
    known = _known(request, ask, moment_now)
    history = user_history(known, served.release)
    k, wishes = _k(served, ask.k), _wishes(served, ask.filters)
    diversity = float(served.release.serving["diversity"]) if ask.diversity is None else ask.diversity
    witness = sampling.hear if sampling else None
    slate = recommend(served.release, served.shelf, history, k=k, now=moment_now, wishes=wishes, diversity=diversity, witness=witness)
    if sampling:
        state_of(request).sampler.keep(sampling, served, known, slate, now=moment_now)
    return answer(slate_body(served, slate, request.state.request_id))


@router.get("/items/{item_id:path}/similar", response_model=SlateBody, summary="Items like this one")
async def get_similar(item_id: str, request: Request, k: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 20) -> Response:
    """By picture and text; by who wants it where an item has neither."""
    served = state_of(request).keeper.current()
    row = item_row(served, item_id)
    visible = served.shelf.visible(now=now(), wishes=Wishes(), seen=np.zeros(0, np.int64))
    return answer(slate_body(served, similar(served.release, row, visible, k=k), request.state.request_id))


def _known(request: Request, ask: Ask, moment_now: int) -> UserState:
    state = state_of(request).user(ask.user_id) if ask.user_id is not None else UserState()
    if not ask.events:
        return state
    told = [
        PostedEvent("", ask.user_id or "", event.item_id, event.event_type, moment(event.event_time, otherwise=moment_now), event.value)
        for event in ask.events
    ]
    return replace(state, posted=[*state.posted, *told])


def _sampling(request: Request, ask: Ask) -> Sampling | None:
    """None for most; events that come with a request stand in no log, so such an answer could not be made again."""
    if ask.user_id is None or ask.events:
        return None
    state = state_of(request)
    return state.sampler.begin(request.state.request_id, state.names.of(ask.user_id))


def _wishes(served: Served, filters: Filters) -> Wishes:
    unknown = served.shelf.unknown_categories(filters.categories)
    if unknown:
        known = ", ".join(served.release.items.category_names[:10])
        raise ProblemError(
            422, "Unknown category", f"filters.categories: {unknown[:5]} are in no item of this release; known are {known}, … Use those."
        )
    return Wishes(
        categories=tuple(filters.categories),
        min_price=filters.min_price,
        max_price=filters.max_price,
        in_stock=filters.in_stock,
        exclude=tuple(filters.exclude),
    )


def _k(served: Served, asked: int | None) -> int:
    return int(served.release.serving["k"]) if asked is None else asked

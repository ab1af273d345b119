"""The API as an ASGI app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from feature_store.online.opening import open_store
from feature_store.online.protocol import OnlineStore
from feature_store.user_names import KEY_VARIABLE, UserKeyError, UserNames, user_names
from serving import problems
from serving.envelope import Envelope
from serving.keeper import Keeper
from serving.routes import events, explaining, health, recommending, window
from serving.sampling import Sampler
from serving.settings import Settings
from serving.state import State


def create_app(settings: Settings) -> FastAPI:
    """One process of the API; the champion is loaded when it starts, and without one it waits for it.

    Raises:
        UserKeyError: Pseudonyms are asked for without a key that can be used.
    """
    names = user_names(pseudonyms=settings.pseudonyms, environment={KEY_VARIABLE: settings.user_key.get_secret_value()})

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        store = open_settled(settings)
        check_names(names, store)
        keeper = Keeper(settings.releases, store, watch_seconds=settings.watch_seconds)
        await run_in_threadpool(keeper.load)
        app.state.vitrine = State(settings, store, keeper, names, Sampler(settings.served, store, share=settings.sample_requests))
        yield
        store.close()

    app = FastAPI(
        title="Vitrine",
        version="1",
        summary="Recommendations from photos, texts and behaviour",
        lifespan=life,
        separate_input_output_schemas=False,
        docs_url=None,  # FastAPI's own pages load from elsewhere; routes/window.py has ours
        redoc_url=None,
    )
    app.add_middleware(Envelope, max_body_bytes=settings.max_body_bytes)
    problems.install(app)
    for part in (recommending, explaining, events, health, window):
        app.include_router(part.router)
    return app


def open_settled(settings: Settings) -> OnlineStore:
    """The online store that the settings name; close it after use.

    Raises:
        OnlineStoreError: It cannot be opened.
    """
    return open_store(settings.store, password=settings.redis_password.get_secret_value(), posted_days=settings.posted_days)


def check_names(names: UserNames, store: OnlineStore) -> None:
    """Refuse to serve where nobody could be found; where no night has named users yet, they go by the names of this process.

    Raises:
        UserKeyError: The night has named users by another key.
    """
    nights = store.key_id()
    if nights is None and names.key is not None:
        store.set_key_id(names.key_id)  # or the first night would take what is posted until then for another key's
    if nights not in (None, names.key_id):
        raise UserKeyError(
            f"users in {store.where} are named by key {nights}, and this process names them by {names.key_id} (own: the shop's own ids). "
            f"Start it with --pseudonyms and the {KEY_VARIABLE} of the night, or without both where the night has none."
        )

"""Try again where trying again may help, after a pause."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.errors import FetchError

Result = TypeVar("Result")


async def with_retries(attempt: Callable[[], Awaitable[Result]], settings: FetchImagesConfig, rng: np.random.Generator) -> Result:
    """Attempt at most `tries` times; pauses double, or last as long as the host asks.

    Raises:
        FetchError: The last attempt failed, the photo itself is at fault, or the host asks for too long a pause.
    """
    for pause_s in settings.backoff_s * 2.0 ** np.arange(settings.tries - 1):
        try:
            return await attempt()
        except FetchError as error:
            if not error.host_failed:
                raise
            if error.wait_s is None:
                wait_s = pause_s * rng.uniform(0.5, 1.0)
            elif error.wait_s <= settings.max_wait_s:
                wait_s = error.wait_s
            else:
                raise FetchError(f"{error}; the host asks to wait longer than {settings.max_wait_s:g} s", host_failed=True) from error
        await asyncio.sleep(wait_s)
    return await attempt()

"""From what is known of a photo to what is known after asking for it: the photo in the store, or the reason why not."""

import asyncio
from collections import Counter
from datetime import datetime

import httpcore
import httpx
import numpy as np

from pipelines.fetching.addresses import any_address, public_only
from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.download import Download, download
from pipelines.fetching.errors import FetchError
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.network import CheckedNetwork
from pipelines.fetching.retries import with_retries
from pipelines.fetching.store import PhotoStore


def open_pool(settings: FetchImagesConfig) -> httpcore.AsyncConnectionPool:
    """Connections to allowed addresses; no proxy, because behind one no address can be checked."""
    rule = any_address if settings.allow_private_addresses else public_only
    return httpcore.AsyncConnectionPool(
        ssl_context=httpx.create_ssl_context(), max_connections=settings.concurrency, network_backend=CheckedNetwork(rule)
    )


class Fetcher:
    """Fetches photos one by one and keeps count.

    Args:
        pool: See `open_pool`.
        store: Takes the bytes.
        settings: The limits.
        now: The moment that is noted for what is fetched, UTC.
        rng: Shortens pauses.
    """

    def __init__(
        self, pool: httpcore.AsyncConnectionPool, store: PhotoStore, settings: FetchImagesConfig, *, now: datetime, rng: np.random.Generator
    ) -> None:
        self._pool, self._store, self._settings, self._now, self._rng = pool, store, settings, now, rng
        self._failures_in_a_row: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        """How many photos were `fetched`, `unchanged`, or `failed: <kind of reason>`."""

    async def fetch(self, host: str, image: FetchedImage) -> FetchedImage:
        """Ask for one photo of a host; what cannot be had keeps what was known of it, with a reason."""
        try:
            found = await self._patiently(host, image)
        except FetchError as error:
            self._failures_in_a_row[host] = self._failures_in_a_row[host] + 1 if error.host_failed else 0
            self.counts[f"failed: {error.kind}"] += 1
            return image.failed(str(error))
        self._failures_in_a_row[host] = 0
        if found is None:
            self.counts["unchanged"] += 1
            return image.confirmed(self._now)
        self.counts["fetched"] += 1
        return FetchedImage(
            uri=image.uri,
            digest=self._store.put(found.content),
            size_bytes=len(found.content),
            final_uri=found.final_uri,
            etag=found.etag,
            last_modified=found.last_modified,
            fetched_at=self._now,
        )

    async def _patiently(self, host: str, image: FetchedImage) -> Download | None:
        settings = self._settings
        if self._failures_in_a_row[host] >= settings.give_up_after:
            raise FetchError(f"host: not asked, {settings.give_up_after} photos in a row had failed", host_failed=True)
        try:
            async with asyncio.timeout(settings.max_photo_s):
                return await with_retries(lambda: download(self._pool, image, settings), settings, self._rng)
        except TimeoutError as error:
            raise FetchError(f"timeout: not done within {settings.max_photo_s:g} s", host_failed=True) from error
        except FetchError:
            raise
        except Exception as error:  # hosts misbehave in ways that no list covers; each costs one photo, not the night
            raise FetchError(f"unexpected: {type(error).__name__}", host_failed=True) from error

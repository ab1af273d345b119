"""One photo with all its tries, against a real server."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.fetcher import Fetcher, open_pool
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.store import PhotoStore
from tests.support.photo_host import Answer, PhotoHost, after, drip, give, give_unless_known, in_turn, reset, status
from tests.support.photos import jpeg

PHOTO = jpeg(seed=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def host() -> Iterator[PhotoHost]:
    with PhotoHost() as host:
        yield host


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    return PhotoStore(tmp_path)


def fetch(store: PhotoStore, *images: FetchedImage | str, **settings: Any) -> tuple[list[FetchedImage], Counter[str]]:
    config = FetchImagesConfig(**{"allow_private_addresses": True, "backoff_s": 0.01, "silence_s": 2.0, **settings})

    async def run() -> tuple[list[FetchedImage], Counter[str]]:
        async with open_pool(config) as pool:
            fetcher = Fetcher(pool, store, config, now=NOW, rng=np.random.default_rng(0))
            known = [FetchedImage(uri=image) if isinstance(image, str) else image for image in images]
            return [await fetcher.fetch("host", image) for image in known], fetcher.counts

    return asyncio.run(run())


def test_a_fetched_photo_lies_in_the_store_under_its_digest(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = give(PHOTO, etag='"v1"')
    [image], counts = fetch(store, host.url("/a.jpg"))
    assert (image.size_bytes, image.fetched_at, image.etag, image.reason) == (len(PHOTO), NOW, '"v1"', None)
    assert store.path(image.digest or "").read_bytes() == PHOTO
    assert counts == {"fetched": 1}


@pytest.mark.parametrize("trouble", [status(500), status(503), status(429), reset, after(0.6, give(PHOTO))])
def test_trouble_that_passes_costs_a_try(host: PhotoHost, store: PhotoStore, trouble: Answer) -> None:
    host.answers["/a.jpg"] = in_turn(trouble, trouble, give(PHOTO))
    [image], _ = fetch(store, host.url("/a.jpg"), tries=3, silence_s=0.3)
    assert image.reason is None
    assert host.asked["/a.jpg"] == 3


def test_trouble_that_stays_is_given_up_after_the_last_try(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = status(500)
    [image], counts = fetch(store, host.url("/a.jpg"), tries=3)
    assert (image.digest, image.reason) == (None, "http: status 500")
    assert host.asked["/a.jpg"] == 3
    assert counts == {"failed: http": 1}


def test_what_the_photo_itself_is_to_blame_for_is_not_tried_again(host: PhotoHost, store: PhotoStore) -> None:
    fetch(store, host.url("/gone.jpg"))
    assert host.asked["/gone.jpg"] == 1


def test_the_pause_a_host_asks_for_is_kept(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = in_turn(status(429, retry_after="1"), give(PHOTO))
    started = time.monotonic()
    [image], _ = fetch(store, host.url("/a.jpg"))
    assert image.reason is None
    assert time.monotonic() - started >= 1


def test_a_host_that_asks_for_too_long_a_pause_is_left_until_the_next_night(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = in_turn(status(429, retry_after="3600"), give(PHOTO))
    [image], _ = fetch(store, host.url("/a.jpg"))
    assert image.reason == "http: status 429; the host asks to wait longer than 30 s"
    assert host.asked["/a.jpg"] == 1


def test_a_photo_that_drips_is_given_up_when_its_time_is_over(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = drip(PHOTO, 0.05)
    [image], _ = fetch(store, host.url("/a.jpg"), max_photo_s=0.5)
    assert image.reason == "timeout: not done within 0.5 s"


def test_a_port_where_nobody_listens_is_a_failed_connection(store: PhotoStore) -> None:
    with PhotoHost() as gone:
        url = gone.url("/a.jpg")
    [image], _ = fetch(store, url)
    assert image.reason == "connection: All connection attempts failed"


def test_without_leave_no_private_address_is_asked(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = give(PHOTO)
    [image], _ = fetch(store, host.url("/a.jpg"), allow_private_addresses=False)
    assert image.reason == "address: 127.0.0.1 is loopback; see [fetch_images] allow_private_addresses"
    assert not host.asked


def test_an_unchanged_photo_keeps_its_bytes_and_is_confirmed(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = give_unless_known(PHOTO, etag='"v1"')
    [first], _ = fetch(store, host.url("/a.jpg"))
    [second], counts = fetch(store, first)
    assert second == first
    assert counts == {"unchanged": 1}


def test_a_photo_that_can_no_longer_be_fetched_keeps_its_bytes(host: PhotoHost, store: PhotoStore) -> None:
    host.answers["/a.jpg"] = in_turn(give(PHOTO), status(410))
    [first], _ = fetch(store, host.url("/a.jpg"))
    [second], _ = fetch(store, first)
    assert second == first.failed("http: status 410")
    assert store.path(second.digest or "").read_bytes() == PHOTO


def test_a_host_that_fails_too_often_in_a_row_is_no_longer_asked(host: PhotoHost, store: PhotoStore) -> None:
    paths = [f"/{at}.jpg" for at in range(5)]
    host.answers.update(dict.fromkeys(paths, status(500)))
    images, _ = fetch(store, *map(host.url, paths), tries=1, give_up_after=3)
    assert [image.reason for image in images] == ["http: status 500"] * 3 + ["host: not asked, 3 photos in a row had failed"] * 2
    assert host.asked.total() == 3


@pytest.mark.parametrize("answer", [give(PHOTO), status(404)])
def test_an_answer_in_between_shows_that_the_host_lives(host: PhotoHost, store: PhotoStore, answer: Answer) -> None:
    host.answers.update({"/bad.jpg": status(500), "/other.jpg": answer})
    urls = [host.url(path) for path in ["/bad.jpg", "/bad.jpg", "/other.jpg"] * 3]
    images, _ = fetch(store, *urls, tries=1, give_up_after=3)
    assert host.asked.total() == len(images)

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpcore
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.fetching.addresses import Address
from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.download import Download, checked_url, download
from pipelines.fetching.errors import FetchError
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.network import CheckedNetwork
from tests.support.photo_host import (
    Answer,
    PhotoHost,
    after,
    announce,
    endless,
    give,
    give_unless_known,
    in_turn,
    redirect,
    reset,
    status,
)
from tests.support.photos import jpeg

PHOTO = jpeg(seed=1)
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.fixture
def host() -> Iterator[PhotoHost]:
    with PhotoHost() as host:
        host.answers["/photo.jpg"] = give(PHOTO)
        yield host


def only_this_machine(address: Address) -> str:
    """A policy that is on, and lets the test's own server through."""
    return "" if str(address) == "127.0.0.1" else "not for tests"


def ask(image: FetchedImage | str, **settings: Any) -> Download | None:
    config = FetchImagesConfig(**{"silence_s": 2.0, **settings})
    known = FetchedImage(uri=image) if isinstance(image, str) else image

    async def run() -> Download | None:
        async with httpcore.AsyncConnectionPool(network_backend=CheckedNetwork(only_this_machine)) as pool:
            return await download(pool, known, config)

    return asyncio.run(run())


def refusal(image: FetchedImage | str, **settings: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        ask(image, **settings)
    return caught.value


def test_a_photo_comes_with_what_its_host_calls_this_version(host: PhotoHost) -> None:
    host.answers["/photo.jpg"] = give(PHOTO, etag='"v1"', last_modified=LONG_AGO)
    url = host.url("/photo.jpg?size=big#top")
    assert ask(url) == Download(content=PHOTO, final_uri=url.removesuffix("#top"), etag='"v1"', last_modified=LONG_AGO)


def test_no_encoding_is_asked_for_and_the_night_says_who_it_is(host: PhotoHost) -> None:
    ask(host.url("/photo.jpg"), user_agent="a shop")
    headers = host.headers["/photo.jpg"][0]
    assert {name: headers[name] for name in ("accept-encoding", "user-agent")} == {"accept-encoding": "identity", "user-agent": "a shop"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "http: status 404"),
        (status(206), "http: status 206"),
        (status(304), "http: status 304"),  # nobody asked whether it had changed
        (give(b"<html>no such photo</html>", "text/html"), "no image: the host calls it 'text/html'"),
        (give(PHOTO, "text/html; charset=utf-8"), "no image: the host calls it 'text/html'"),
        (give(PHOTO, ""), "no image: the host calls it ''"),
        (give(b"<html>no such photo</html>"), "no image: the host calls it 'image/jpeg', its 26 bytes do not begin like any"),
        (give(b""), "no image: the host calls it 'image/jpeg', its 0 bytes do not begin like any"),
        (give(gzip.compress(bytes(10**6)), content_encoding="gzip"), "encoded: 'gzip' was not asked for and is not unpacked"),
        (redirect("/answer"), "redirects: more than 5"),
        (redirect("ftp://127.0.0.1/photo.jpg"), "url: the scheme is 'ftp'; only http and https are fetched"),
        (redirect("file:///etc/passwd"), "url: the scheme is 'file'; only http and https are fetched"),
        (redirect("http://me:secret@127.0.0.1/"), "url: it holds a user name or password; photos are fetched without"),
        (redirect("http://[::1/"), "url: it cannot be read"),
        (redirect("http://127.0.0.2/"), "address: 127.0.0.2 is not for tests; see [fetch_images] allow_private_addresses"),
        (redirect("http://169.254.169.254/"), "address: 169.254.169.254 is not for tests; see [fetch_images] allow_private_addresses"),
    ],
)
def test_what_is_no_photo_is_refused_and_the_host_is_not_blamed(host: PhotoHost, answer: Answer, reason: str) -> None:
    host.answers["/answer"] = answer
    error = refusal(host.url("/answer"))
    assert (str(error), error.host_failed) == (reason, False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(500), "http: status 500"),
        (status(503), "http: status 503"),
        (status(429), "http: status 429"),
        (reset, "connection: "),
        (announce(len(PHOTO) + 1, PHOTO), "connection: peer closed connection without sending complete message body"),
        (after(1.0, give(PHOTO)), "timeout: 127.0.0.1 was silent for 0.2 s"),
    ],
)
def test_a_host_that_fails_is_blamed(host: PhotoHost, answer: Answer, reason: str) -> None:
    host.answers["/answer"] = answer
    error = refusal(host.url("/answer"), silence_s=0.2)
    assert str(error).startswith(reason)
    assert error.host_failed


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (LONG_AGO, 0.0), ("soon", None), ("1e400", None), ("", None)])
def test_how_long_a_host_asks_to_be_left_alone_is_remembered(host: PhotoHost, header: str, seconds: float | None) -> None:
    host.answers["/answer"] = status(429, retry_after=header)
    assert refusal(host.url("/answer")).wait_s == seconds


@pytest.mark.parametrize("answer", [endless(PHOTO), announce(10**12, PHOTO * 50), give(PHOTO * 50)])
def test_reading_stops_at_the_cap_whatever_length_is_announced(host: PhotoHost, answer: Answer) -> None:
    host.answers["/answer"] = answer
    assert str(refusal(host.url("/answer"), max_bytes=20_000)) == "too large: more than 20000 bytes"


def test_what_comes_beyond_the_announced_length_is_not_part_of_the_photo(host: PhotoHost) -> None:
    host.answers["/answer"] = announce(len(PHOTO), PHOTO + b"more")
    assert ask(host.url("/answer")).content == PHOTO


def test_redirects_are_followed_up_to_the_limit(host: PhotoHost) -> None:
    host.answers["/first"] = redirect("second")
    host.answers["/second"] = redirect("/photo.jpg")
    assert ask(host.url("/first"), max_redirects=2).final_uri == host.url("/photo.jpg")
    assert str(refusal(host.url("/first"), max_redirects=1)) == "redirects: more than 1"


@pytest.mark.parametrize(
    "uri",
    ["http://me:secret@127.0.0.1/a.jpg", "http:///a.jpg", "http://127.0.0.1:99999/a.jpg", "http://127.0.0.1:0/a.jpg", "http://[::1/a.jpg"],
)
def test_an_unfit_url_is_refused_without_a_connection_or_its_secrets(uri: str) -> None:
    reason = str(refusal(uri))
    assert reason.startswith("url: ")
    assert "secret" not in reason


def known(host: PhotoHost, path: str, final: str, **validators: str) -> FetchedImage:
    return FetchedImage(uri=host.url(path), digest="d", size_bytes=1, final_uri=host.url(final), **validators)


@pytest.mark.parametrize("validators", [{"etag": '"v1"'}, {"last_modified": LONG_AGO}])
def test_a_known_photo_that_has_not_changed_is_not_sent_again(host: PhotoHost, validators: dict[str, str]) -> None:
    host.answers["/photo.jpg"] = give_unless_known(PHOTO, **validators)
    assert ask(known(host, "/photo.jpg", "/photo.jpg", **validators)) is None


def test_a_known_photo_that_has_changed_is_sent(host: PhotoHost) -> None:
    host.answers["/photo.jpg"] = give_unless_known(PHOTO, etag='"v2"')
    assert ask(known(host, "/photo.jpg", "/photo.jpg", etag='"v1"')).etag == '"v2"'


def test_whether_it_has_changed_is_asked_only_of_the_url_that_gave_it(host: PhotoHost) -> None:
    host.answers["/now"] = redirect("/photo.jpg")
    host.answers["/photo.jpg"] = give_unless_known(PHOTO, last_modified=LONG_AGO)  # another photo, just as old
    assert ask(known(host, "/now", "/former.jpg", last_modified=LONG_AGO)).content == PHOTO
    assert ask(known(host, "/now", "/photo.jpg", last_modified=LONG_AGO)) is None
    assert "if-modified-since" not in host.headers["/now"][1]


def test_a_version_name_that_could_not_be_sent_back_is_not_remembered(host: PhotoHost) -> None:
    host.answers["/photo.jpg"] = give(PHOTO, etag='"\xe9"', last_modified="x" * 1025)
    found = ask(host.url("/photo.jpg"))
    assert (found.etag, found.last_modified) == (None, None)


def test_after_a_failure_the_same_pool_still_works(host: PhotoHost) -> None:
    host.answers["/answer"] = in_turn(endless(PHOTO), give(PHOTO))

    async def run() -> bytes:
        async with httpcore.AsyncConnectionPool(max_connections=1, network_backend=CheckedNetwork(only_this_machine)) as pool:
            image, settings = FetchedImage(uri=host.url("/answer")), FetchImagesConfig(max_bytes=20_000)
            with pytest.raises(FetchError):
                await download(pool, image, settings)
            found = await download(pool, image, settings)
            return found.content

    assert asyncio.run(run()) == PHOTO


@pytest.mark.parametrize("answer", [give(PHOTO), status(304), give(b"no such page", "text/html"), redirect("/photo.jpg"), status(404)])
def test_whatever_the_answer_the_connection_serves_the_next_photo(host: PhotoHost, answer: Answer) -> None:
    host.answers["/answer"] = answer

    async def run() -> None:
        async with httpcore.AsyncConnectionPool(network_backend=CheckedNetwork(only_this_machine)) as pool:
            for _ in range(3):
                with suppress(FetchError):
                    await download(pool, known(host, "/answer", "/answer", etag='"v1"'), FetchImagesConfig())

    asyncio.run(run())
    assert host.asked["/answer"] == 3
    assert host.connections == 1


@settings(deadline=None)
@given(st.from_regex(r"https?://.{0,30}", fullmatch=True) | st.text(max_size=30))
def test_any_text_in_place_of_a_url_is_refused_or_a_url_of_http(text: str) -> None:
    try:
        found = checked_url(text, seen_from=httpx.URL("http://shop.test/a/"))
    except FetchError:
        return
    assert found.scheme in ("http", "https")
    assert found.host
    assert not found.userinfo
    found.netloc.decode("ascii")

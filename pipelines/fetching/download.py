"""One attempt to get one photo: redirects followed by hand, every answer held against the limits, nothing trusted that a host says."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore
import httpx
from PIL import Image

from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.errors import FetchError
from pipelines.fetching.image import FetchedImage

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_VALIDATOR = 1024
"""Letters of an ETag or a Last-Modified; longer ones are not remembered."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A photo as its host gave it."""

    content: bytes
    final_uri: str
    """The URL behind all redirects."""
    etag: str | None
    last_modified: str | None


async def download(pool: httpcore.AsyncConnectionPool, image: FetchedImage, settings: FetchImagesConfig) -> Download | None:
    """Ask for a photo once.

    Args:
        pool: Opens connections, to allowed addresses only.
        image: What is known of it.
        settings: The limits.

    Returns:
        The photo; None where the host says that the known one still stands.

    Raises:
        FetchError: It cannot be had, or is no photo.
    """
    url = checked_url(image.uri)
    for _ in range(settings.max_redirects + 1):
        conditions = image.conditions(str(url))
        status, headers, content = await _ask(pool, url, conditions, settings)
        if status in REDIRECTS and "location" in headers:
            url = checked_url(headers["location"], seen_from=url)
            continue
        if status == 304 and conditions:
            return None
        _require_ok(status, headers)
        _require_image(headers, content)
        return Download(
            content=content, final_uri=str(url), etag=_validator(headers, "etag"), last_modified=_validator(headers, "last-modified")
        )
    raise FetchError(f"redirects: more than {settings.max_redirects}")


def checked_url(uri: str, *, seen_from: httpx.URL | None = None) -> httpx.URL:
    """A URL that may be asked; a relative one as `seen_from` that URL.

    Raises:
        FetchError: It cannot be read, is not http(s), holds a user name or password, or names no host.
    """
    try:
        url = seen_from.join(uri) if seen_from else httpx.URL(uri)
    except httpx.InvalidURL as error:
        raise FetchError("url: it cannot be read") from error
    if url.scheme not in ("http", "https"):
        raise FetchError(f"url: the scheme is {url.scheme[:20]!r}; only http and https are fetched")
    if url.userinfo:
        raise FetchError("url: it holds a user name or password; photos are fetched without")
    if not url.host or (url.port is not None and not 0 < url.port < 2**16):
        raise FetchError("url: it names no host, or no port that exists")
    return url.copy_with(fragment=None)


async def _ask(
    pool: httpcore.AsyncConnectionPool, url: httpx.URL, conditions: dict[str, str], settings: FetchImagesConfig
) -> tuple[int, httpx.Headers, bytes]:
    """Status, headers and body, whatever the status: a body that is read to its end leaves the connection to the next photo."""
    silence_s = settings.silence_s
    headers = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": settings.user_agent,
        "Accept": "image/*",
        "Accept-Encoding": "identity",  # a photo is compressed already, and what is not unpacked cannot burst
    }
    try:
        async with pool.stream(
            "GET",
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*headers.items(), *conditions.items()],
            extensions={"timeout": {"connect": silence_s, "read": silence_s, "write": silence_s, "pool": silence_s}},
        ) as response:
            content = bytearray()
            async for piece in response.aiter_stream():
                content += piece
                if len(content) > settings.max_bytes:
                    raise FetchError(f"too large: more than {settings.max_bytes} bytes")
            return response.status, httpx.Headers(response.headers), bytes(content)
    except httpcore.TimeoutException as error:
        raise FetchError(f"timeout: {url.host} was silent for {silence_s:g} s", host_failed=True) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchError(f"connection: {str(error)[:200] or type(error).__name__}", host_failed=True) from error


def _require_ok(status: int, headers: httpx.Headers) -> None:
    if status != 200:
        raise FetchError(f"http: status {status}", host_failed=status == 429 or status >= 500, wait_s=_retry_after(headers))
    if headers.get("content-encoding", "identity") != "identity":
        raise FetchError(f"encoded: {headers['content-encoding'][:40]!r} was not asked for and is not unpacked")


def _require_image(headers: httpx.Headers, content: bytes) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/"):
        raise FetchError(f"no image: the host calls it {kind[:40]!r}")
    try:
        with Image.open(io.BytesIO(content)):  # reads the header alone
            pass
    except Exception as error:  # decoders of hostile files fail in ways that no list covers
        raise FetchError(f"no image: the host calls it {kind[:40]!r}, its {len(content)} bytes do not begin like any") from error


def _validator(headers: httpx.Headers, name: str) -> str | None:
    value = headers.get(name)
    return value if value and value.isascii() and value.isprintable() and len(value) <= MAX_VALIDATOR else None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from now; the header holds them, or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())

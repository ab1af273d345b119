import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipelines.fetching.addresses import Address, any_address, public_only
from pipelines.fetching.errors import FetchError
from pipelines.fetching.network import CheckedNetwork, Resolve
from tests.support.photo_host import PhotoHost, give


def resolves_to(*answers: Sequence[str]) -> Resolve:
    """A resolver that gives these answers in turn."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


def only_loopback(address: Address) -> str:
    return "" if str(address) == "127.0.0.1" else "elsewhere"


def get(network: CheckedNetwork, *urls: str, context: ssl.SSLContext | None = None) -> list[bytes]:
    async def run() -> list[bytes]:
        async with httpcore.AsyncConnectionPool(ssl_context=context, network_backend=network) as pool:
            return [(await pool.request("GET", url, headers={"Connection": "close"})).content for url in urls]

    return asyncio.run(run())


@pytest.fixture
def host() -> Iterator[PhotoHost]:
    with PhotoHost() as host:
        host.answers["/"] = give(b"photo")
        yield host


def test_a_name_is_connected_to_at_the_address_that_was_checked_and_asked_for_by_name(host: PhotoHost) -> None:
    network = CheckedNetwork(only_loopback, resolves_to(["127.0.0.1"]))
    assert get(network, host.url("/", host="shop.test")) == [b"photo"]
    assert host.headers["/"][0]["host"] == f"shop.test:{host.port}"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"])
def test_the_loopback_is_refused_however_it_is_written(host: PhotoHost, name: str) -> None:
    with pytest.raises(FetchError, match=r"is loopback; see \[fetch_images\] allow_private_addresses"):
        get(CheckedNetwork(public_only), host.url("/", host=name))
    assert not host.asked


def test_a_name_that_resolves_to_something_private_the_second_time_is_refused_then(host: PhotoHost) -> None:
    network = CheckedNetwork(only_loopback, resolves_to(["127.0.0.1"], ["127.0.0.2"]))
    with pytest.raises(FetchError, match=r"127\.0\.0\.2 is elsewhere"):
        get(network, *[host.url("/", host="shop.test")] * 2)
    assert host.asked["/"] == 1


def test_of_several_addresses_only_the_allowed_are_tried(host: PhotoHost) -> None:
    network = CheckedNetwork(only_loopback, resolves_to(["127.0.0.2", "127.0.0.1"]))
    assert get(network, host.url("/", host="shop.test")) == [b"photo"]


def test_where_the_first_address_is_deaf_the_next_is_tried(host: PhotoHost) -> None:
    network = CheckedNetwork(any_address, resolves_to(["127.0.0.9", "127.0.0.1"]))
    assert get(network, host.url("/", host="shop.test")) == [b"photo"]


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 64 + ".example"])
def test_a_name_that_does_not_resolve_is_a_failed_connection(name: str) -> None:
    async def nothing(_host: str, _port: int) -> Sequence[str]:
        raise UnicodeError if len(name) > 63 else OSError

    with pytest.raises(httpcore.ConnectError, match="cannot be resolved"):
        get(CheckedNetwork(public_only, nothing), f"http://{name}/")


def test_a_certificate_is_held_against_the_name_and_not_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, "shop.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = httpx.create_ssl_context()
    with TlsHost(certificate) as port:
        assert get(CheckedNetwork(any_address, resolves_to(["127.0.0.1"])), f"https://shop.test:{port}/", context=context) == [b"photo"]
        with pytest.raises(httpcore.ConnectError, match="certificate"):
            get(CheckedNetwork(any_address, resolves_to(["127.0.0.1"])), f"https://other.test:{port}/", context=context)


class TlsHost:
    """Answers two connections over TLS."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def __enter__(self) -> int:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._context))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return int(self._server.sockets[0].getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nphoto")
        await writer.drain()
        writer.close()


def self_signed(folder: Path, name: str) -> Path:
    """Certificate and key of a host, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (path := folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem) + private)
    return path

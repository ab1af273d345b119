"""A web server on the loopback that gives photos, and misbehaves on demand."""

import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

Answer = Callable[[BaseHTTPRequestHandler], None]


class PhotoHost:
    """Serves `answers` by path, 404 elsewhere, and remembers what it was asked.

    Args:
        address: Of the loopback.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        """Requests by path."""
        self.headers: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        """Headers of each request by path, names in lower case."""
        self.connections = 0
        self.most_at_once = 0
        self._busy = 0
        self._lock = threading.Lock()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                host.connections += 1
                super().setup()

            def do_GET(self) -> None:
                host._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def url(self, path: str, *, host: str = "127.0.0.1") -> str:
        """Of a path that begins with a slash."""
        return f"http://{host}:{self.port}{path}"

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        with self._lock:
            self.asked[path] += 1
            self.headers[path].append({name.lower(): value for name, value in request.headers.items()})
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        try:
            self.answers.get(path, status(404))(request)
        except (BrokenPipeError, ConnectionResetError):  # the other side has had enough
            request.close_connection = True
        finally:
            with self._lock:
                self._busy -= 1


def give(content: bytes, kind: str = "image/jpeg", **headers: str) -> Answer:
    """A whole answer; `headers` with underscores for dashes."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _head(request, 200, {"Content-Type": kind, "Content-Length": str(len(content)), **_named(headers)})
        request.wfile.write(content)

    return answer


def give_unless_known(content: bytes, **validators: str) -> Answer:
    """The photo with its validators; 304 to those who name one of them."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        known = {request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")} - {None}
        (status(304) if known & set(validators.values()) else give(content, **validators))(request)

    return answer


def status(code: int, **headers: str) -> Answer:
    """No content but a status."""
    return lambda request: _head(request, code, {"Content-Length": "0", **_named(headers)})


def redirect(target: str) -> Answer:
    """302 to another place."""
    return status(302, location=target)


def in_turn(*answers: Answer) -> Answer:
    """Each request gets the next answer, all further ones the last."""
    left = list(answers)

    def answer(request: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


def after(seconds: float, answer: Answer) -> Answer:
    """The answer, late."""

    def late(request: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(request)

    return late


def drip(content: bytes, seconds: float) -> Answer:
    """A photo byte by byte with a pause after each."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _head(request, 200, {"Content-Type": "image/jpeg", "Content-Length": str(len(content))})
        for at in range(len(content)):
            request.wfile.write(content[at : at + 1])
            time.sleep(seconds)

    return answer


def endless(start: bytes) -> Answer:
    """A photo's beginning, and then no end, in chunks that announce no length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _head(request, 200, {"Content-Type": "image/jpeg", "Transfer-Encoding": "chunked"})
        piece = start
        while True:
            request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            piece = bytes(2**16)

    return answer


def announce(length: int, content: bytes) -> Answer:
    """A photo with a Content-Length that is not its own; then the connection ends."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        _head(request, 200, {"Content-Type": "image/jpeg", "Content-Length": str(length)})
        request.wfile.write(content)
        request.close_connection = True

    return answer


def reset(request: BaseHTTPRequestHandler) -> None:
    """The connection is torn down without a word (RST)."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _head(request: BaseHTTPRequestHandler, code: int, headers: Mapping[str, str]) -> None:
    request.send_response(code)
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()

"""A real Redis on a free loopback port, which a test may end, kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

START_SECONDS = 30.0


class RedisServer:
    """One `redis-server` with a folder of its own.

    Args:
        folder: Of its files.
        options: Of its command line; by default it writes no file.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options or ("--save", "")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it answers."""
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command = ["redis-server", *place, "--logfile", "redis.log", *self._options]
        self._process = subprocess.Popen(command, cwd=self.folder)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as asked:
                asked.sendall(b"PING\r\n")
                if asked.recv(100)[:5] in (b"+PONG", b"-NOAU"):
                    return
            time.sleep(0.02)
        raise AssertionError(f"redis-server is not there; exit code {self._process.poll()}")

    @property
    def process_id(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End it; it keeps what its files keep."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """For a block it takes connections and answers nobody."""
        os.kill(self.process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process_id, signal.SIGCONT)

    def bytes(self) -> dict[str, bytes]:
        """What each of its files of data holds."""
        return {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.name != "redis.log"}


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A Redis for a block; where there is none to start, the test is skipped and says what is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    pytest.importorskip("redis", reason="needs the package redis: pip install 'vitrine[redis]'", exc_type=ImportError)
    server = RedisServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()

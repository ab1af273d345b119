import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.tiny_release import build_release

ROOT = Path(__file__).parents[2]
REFUSED = ("torch", "torchrec", "transformers", "timm", "mlflow", "pipelines", "recsys.models", "recsys.training")
START = f"""
import sys
from importlib.machinery import ModuleSpec
class Refuse:
    def find_spec(self, name, path=None, target=None):  # to look whether a module is there, as polars does, is no import
        if any(name == refused or name.startswith(refused + ".") for refused in {REFUSED!r}):
            return ModuleSpec(name, self)
    def create_module(self, spec):
        raise ImportError(f"serving may not import {{spec.name}}")
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Refuse())
from serving.__main__ import main
main()
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_process_that_refuses_torch_serves_over_real_http(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    store = str(tmp_path / "s.sqlite") if kind == "sqlite" else request.getfixturevalue("empty_redis").url
    build_release(tmp_path / "releases")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        START,
        "--releases",
        str(tmp_path / "releases"),
        "--store",
        store,
        "--port",
        str(port),
    ]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as server:
        try:
            _wait(f"{url}/readyz", server)
            assert _post(f"{url}/v1/events", {"user_id": "u", "item_id": "i3", "event_type": "click"})["new"] == 1
            answer = _post(f"{url}/v1/recommendations", {"user_id": "u", "k": 4})
            assert answer["source"] == "personal"
            assert len(answer["items"]) == 4
        finally:
            server.terminate()
            server.wait(10)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"not ready; exit code {server.poll()}")


def _post(url: str, body: object) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)

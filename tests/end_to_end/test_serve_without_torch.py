import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.end_to_end.test_serve_over_http import ROOT, _post, _wait
from tests.support.tiny_release import build_release

NO_INDEX = ("No matching distribution", "Connection", "Temporary failure", "Could not fetch", "Max retries")


@pytest.mark.slow
def test_the_serving_requirements_alone_serve_and_hold_no_torch(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wanted = ["--no-deps", "--no-cache-dir", "--retries", "0", "-r", str(ROOT / "requirements" / "serve.txt")]
    installed = subprocess.run([python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False)
    if installed.returncode and any(sign in installed.stderr for sign in NO_INDEX):
        pytest.skip(f"pip reaches no package index that holds the requirements: {installed.stderr.strip()[-200:]}")
    assert installed.returncode == 0, installed.stderr
    clean = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | {"PYTHONPATH": str(ROOT)}
    torch = subprocess.run([python, "-c", "import torch"], env=clean, capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in torch.stderr
    build_release(tmp_path / "releases")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = ["--releases", str(tmp_path / "releases"), "--store", str(tmp_path / "s.sqlite")]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([python, "-m", "serving", *folders, "--port", str(port)], cwd=tmp_path, env=clean) as server:
        try:
            _wait(f"{url}/readyz", server)
            assert len(_post(f"{url}/v1/recommendations", {"user_id": "u", "k": 4})["items"]) == 4
            with urllib.request.urlopen(f"{url}/v1/items/i3/similar?k=4", timeout=5) as response:
                assert len(json.load(response)["items"]) == 4
        finally:
            server.terminate()
            server.wait(10)

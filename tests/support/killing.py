"""A process that is killed as soon as something of its work can be seen."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def kill_once(seen: Callable[[], bool], command: Sequence[str], *, within_s: float = 300) -> None:
    """Run a command in the repository's root and `kill -9` it once `seen` says so, it has ended by itself, or the time is over."""
    process = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + within_s
    while not seen() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()

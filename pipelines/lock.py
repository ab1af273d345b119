"""One process at a time for what two would spoil."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


class BusyError(Exception):
    """Another process is at the same work in this workspace."""


@contextmanager
def alone(lock: Path, *, work: str) -> Iterator[None]:
    """Hold a lock file; a dead process holds nothing.

    Raises:
        BusyError: Another process holds it; says which.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise BusyError(f"another {work} works in {lock.parent}: {file.read().strip()}. Wait for it, or end that process.") from error
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "started": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n")
        file.flush()
        yield

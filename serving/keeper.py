"""Holds the release that is served, looks for a new champion, and builds it aside before it swaps."""

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from feature_store.online.protocol import OnlineStore
from recsys.slate.filters import Shelf, build_shelf
from recsys.slate.release_reader import DamagedReleaseError, MissingReleaseError, Release, ReleaseError, read_release
from serving.problems import ProblemError


@dataclass(frozen=True)
class Served:
    """A release with the day's item changes; swapped whole."""

    release: Release
    shelf: Shelf
    revision: int


class Keeper:
    """One per process.

    Args:
        releases: Folder of releases and of champion.json.
        store: Where the day's item changes lie.
        watch_seconds: Least time between two looks.
    """

    def __init__(self, releases: Path, store: OnlineStore, *, watch_seconds: float) -> None:
        self._releases, self._store, self._watch = releases, store, watch_seconds
        self._served: Served | None = None
        self._pointer: tuple[int, int, int] | None = None
        self._looked = float("-inf")
        self._loading = threading.Lock()
        self.problem: str | None = None
        """Why the newest champion is not the one that is served; None: it is."""

    def current(self) -> Served:
        """What is served now; a new champion starts to load in the background.

        Raises:
            ProblemError: Nothing can be served yet.
        """
        if time.monotonic() - self._looked >= self._watch:
            self._look()
        if self._served is None:
            raise ProblemError(503, "No release is served", self.problem or "A release is being loaded; try again in a moment.")
        return self._served

    def load(self) -> None:
        """Load the champion now; a damaged one leaves what is served standing and is told in `problem`."""
        with self._loading:
            pointer = self._stat()
            self._pointer = pointer
            try:
                folder = self._champion()
                if self._served is None or folder.name != self._served.release.folder.name:
                    release = read_release(folder)
                    changes = self._store.item_changes()
                    self._served = Served(release, build_shelf(release.items, changes), changes.revision)
                self.problem = None
            except ReleaseError as error:
                self.problem = str(error)

    def _look(self) -> None:
        self._looked = time.monotonic()
        if self._stat() != self._pointer and not self._loading.locked():
            threading.Thread(target=self.load, name="load-release", daemon=True).start()
        served = self._served
        if served is not None and self._store.revision() != served.revision:
            changes = self._store.item_changes()
            self._served = Served(served.release, build_shelf(served.release.items, changes), changes.revision)

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = (self._releases / "champion.json").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _champion(self) -> Path:
        path = self._releases / "champion.json"
        try:
            name = json.loads(path.read_text(encoding="utf-8"))["release_id"]
        except OSError as error:
            raise MissingReleaseError(f"there is no {path}: no release has been promoted. Run `vitrine nightly`.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedReleaseError(f"{path} names no release ({error!r}). Run `vitrine releases promote ID`.") from error
        if not isinstance(name, str) or Path(name).name != name:
            raise DamagedReleaseError(f"{path} names {name!r}, which is no release. Run `vitrine releases promote ID`.")
        return self._releases / name

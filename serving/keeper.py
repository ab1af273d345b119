"""Holds the release that is served, looks for a new champion, and builds it aside before it swaps."""

import json
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from feature_store.errors import OnlineStoreError
from feature_store.online.protocol import OnlineStore
from recsys.slate.added_items import extend_release
from recsys.slate.filters import Shelf, build_shelf
from recsys.slate.release_reader import DamagedReleaseError, MissingReleaseError, Release, ReleaseError, read_release
from serving.problems import ProblemError


@dataclass(frozen=True)
class Served:
    """A release with the day's item changes; swapped whole."""

    release: Release
    """With the items that were added to it since it was published."""
    additions: int
    """Version of these; see `OnlineStore.additions_version`."""
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
        self._loading, self._swapping = threading.Lock(), threading.Lock()
        self.problem: str | None = None
        """Why the newest champion is not the one that is served; None: it is."""

    def current(self) -> Served:
        """What is served now; a new champion, and items added to this one, start to load in the background.

        Raises:
            ProblemError: Nothing can be served yet.
        """
        if time.monotonic() - self._looked >= self._watch:
            self._look()
        if self._served is None:
            raise ProblemError(503, "No release is served", self.problem or "A release is being loaded; try again in a moment.")
        return self._served

    def load(self) -> None:
        """Load the champion and what was added to it; a damaged one leaves what is served standing and is told in `problem`."""
        with self._loading:
            pointer = self._stat()
            self._pointer = pointer
            try:
                folder, served = self._champion(), self._served
                if served is None or folder.name != served.release.folder.name:
                    self._serve(read_release(folder))
                elif self._has_additions(served):
                    self._serve(served.release)
                self.problem = None
            except ReleaseError as error:
                self.problem = str(error)
            except OnlineStoreError as error:
                self.problem, self._pointer = str(error), None  # the next look tries again

    def _look(self) -> None:
        self._looked = time.monotonic()
        served = self._served
        stale = self._stat() != self._pointer or (served is not None and self._has_additions(served))
        if stale and not self._loading.locked():
            threading.Thread(target=self.load, name="load-release", daemon=True).start()
        with self._swapping:
            served = self._served
            if served is not None and self._store.revision() != served.revision:
                changes = self._store.item_changes()
                self._served = replace(served, shelf=build_shelf(served.release.items, changes), revision=changes.revision)

    def _has_additions(self, served: Served) -> bool:
        return self._store.additions_version(served.release.release_id) != served.additions

    def _serve(self, release: Release) -> None:
        version = self._store.additions_version(release.release_id)  # read first: an addition in between is seen again, never missed
        release = extend_release(release, self._store.added_items(release.release_id))
        changes = self._store.item_changes()
        served = Served(release, version, build_shelf(release.items, changes), changes.revision)
        with self._swapping:
            self._served = served

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

"""The shelf of releases and the one that is served: champion, previous, and what a step back means."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_store.manifest import write_text_atomically

CHAMPION = "champion.json"
RELEASE = "release.json"
HISTORY = "history.jsonl"


class ReleaseError(Exception):
    """A release that was asked for is not there or may not be served."""


@dataclass(frozen=True)
class Champion:
    """What is served, and what was before it."""

    release_id: str
    previous: str | None = None


@dataclass(frozen=True)
class ReleaseShelf:
    """The folder of releases."""

    folder: Path

    def ids(self) -> list[str]:
        """Whole releases, oldest first; a folder without its `release.json` was never finished."""
        found = [path.parent for path in self.folder.glob(f"*/{RELEASE}")]
        return [path.name for path in sorted(found, key=lambda path: (self.describe(path.name)["created_at"], path.name))]

    def path(self, release_id: str) -> Path:
        """Folder of a release.

        Raises:
            ReleaseError: There is none of this id; those there are, are named.
        """
        path = self.folder / release_id
        if Path(release_id).name != release_id or not (path / RELEASE).is_file():
            known = self.ids()
            raise ReleaseError(f"there is no release {release_id!r}; known are {', '.join(known) or 'none: run `vitrine nightly`'}")
        return path

    def describe(self, release_id: str) -> dict[str, Any]:
        """What a release says of itself."""
        values: dict[str, Any] = json.loads((self.folder / release_id / RELEASE).read_text(encoding="utf-8"))
        return values

    def champion(self) -> Champion | None:
        """What is served; None before the first promotion."""
        try:
            return Champion(**json.loads((self.folder / CHAMPION).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def promote(self, release_id: str, *, why: str) -> Champion:
        """Serve this release from now on, and remember what was served before.

        Raises:
            ReleaseError: There is no such release.
        """
        self.path(release_id)
        current = self.champion()
        if current is not None and current.release_id == release_id:
            return current
        champion = Champion(release_id, current.release_id if current else None)
        with (self.folder / HISTORY).open("a", encoding="utf-8") as history:
            history.write(json.dumps(asdict(champion) | {"why": why}) + "\n")
        write_text_atomically(self.folder / CHAMPION, json.dumps(asdict(champion)) + "\n")
        return champion

    def roll_back(self) -> Champion:
        """Serve what was served before.

        Raises:
            ReleaseError: Nothing was, or it is gone.
        """
        current = self.champion()
        if current is None or current.previous is None:
            raise ReleaseError("there is no previous champion to go back to; `vitrine releases promote ID` serves any release")
        return self.promote(current.previous, why="rollback")

    def prune(self, keep: int) -> list[str]:
        """Remove the oldest releases beyond `keep`; champion and previous champion always stay."""
        champion = self.champion()
        needed = {champion.release_id, champion.previous} if champion else set()
        removed = [release_id for release_id in self.ids()[: -max(keep, 1)] if release_id not in needed]
        for release_id in removed:
            shutil.rmtree(self.folder / release_id)
        return removed

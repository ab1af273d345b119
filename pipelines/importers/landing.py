"""Where importers leave what they bring: tables and photos in the landing folders of a config."""

import glob
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feature_store.manifest import file_digest
from pipelines.config import Config
from pipelines.progress import Progress


class ImportSourceError(Exception):
    """A source cannot be imported; says what was found and what is wanted."""


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What an importer has left in the landing folders."""

    events: int = 0
    items: int = 0
    users: int = 0
    """Of whom more is known than events."""
    images: int = 0
    missing_images: int = 0
    """Photos that the source names and does not hold; their items come without."""
    unusable_ages: int = 0
    """Ages that nobody has, or that are no numbers; their users come without."""
    broken: int = 0
    """Lines without the ids they must have; they come along all the same, and ingestion puts them into quarantine."""


@dataclass(frozen=True, kw_only=True)
class Landing:
    """The folders an importer fills."""

    events: Path
    catalogue: Path
    users: Path
    images: Path

    def put_events(self, frame: pl.DataFrame, name: str) -> None:
        """Leave a file of events, see `_put`; events add up, so what any file of this name holds is not left again."""
        _put(frame, self.events, name, known=_standing(self.events, glob.escape(name)))

    def put_catalogue(self, frame: pl.DataFrame, name: str) -> None:
        """Leave a file of items, see `_put`; a later file overrides an earlier one, so an older state is left again."""
        _put(frame, self.catalogue, name, known=_standing(self.catalogue)[-1:])

    def put_users(self, frame: pl.DataFrame, name: str) -> None:
        """Leave a file of what is known of users, see `_put`; as with items, an older state is left again."""
        _put(frame, self.users, name, known=_standing(self.users)[-1:])

    def put_images(self, root: Path, names: Iterable[str], *, progress: Progress) -> set[str]:
        """Bring in photos, by hard link where the disk allows.

        Args:
            root: Folder of the source's photos, perhaps a link itself.
            names: Paths below it.
            progress: Shows how many have come.

        Returns:
            The names that are files below the root; what is not there, or leads out of it, is left behind.
        """
        real_root, brought = root.resolve(), set()
        for name in progress.track(list(names), what="bringing photos"):
            photo = (real_root / name).resolve()
            if ".." not in Path(name).parts and photo.is_relative_to(real_root) and photo.is_file():
                _bring(photo, self.images / name)
                brought.add(name)
        return brought


def landing_of(config: Config) -> Landing:
    """The folders that the ingestion of this config reads; of several the first."""
    sources = config.sources
    return Landing(
        events=config.resolve(sources.events[0]),
        catalogue=config.resolve(sources.catalogue[0]),
        users=config.resolve(sources.users[0]),
        images=config.resolve(sources.images),
    )


def _put(frame: pl.DataFrame, folder: Path, name: str, *, known: Sequence[Path]) -> None:
    """Write a Parquet file, whole or not at all, behind those that lie there: `0007-name.parquet`, so that files stand in order of import.

    The same bytes as a known file are not left again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.partial"
    frame.write_parquet(partial, compression="zstd")
    if file_digest(partial) in map(file_digest, known):
        partial.unlink()
        return
    standing = _standing(folder)
    number = int(standing[-1].name[:4]) + 1 if standing else 1
    partial.replace(folder / f"{number:04d}-{name}.parquet")


def _standing(folder: Path, name: str = "*") -> list[Path]:
    """Files that importers have left, in the order of their imports."""
    return sorted(folder.glob(f"[0-9][0-9][0-9][0-9]-{name}.parquet"))


def _bring(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

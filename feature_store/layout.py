"""Where everything lies in a workspace, and the one way to read and to write a table."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl
import pyarrow.parquet as pq

from feature_store.checks import check
from feature_store.disk import writing_to
from feature_store.errors import DamagedTableError, MissingTableError
from feature_store.file_contract import check_file, file_metadata
from feature_store.manifest import Manifest, content_digest, describe_files
from feature_store.migrations import migrate
from feature_store.schema import Table

QUARANTINE = "quarantine/"
"""Folder inside a table for the rows that were refused; no part of what `scan` reads."""

ROWS_AT_ONCE = 8192
"""Rows in a batch of a file."""


@dataclass(frozen=True)
class TableReader:
    """A finished table: its manifest and its files, which nobody changes while this object is used."""

    directory: Path
    manifest: Manifest

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.directory / self.manifest.folder

    def path(self, file: str) -> Path:
        """One file of the table.

        Raises:
            DamagedTableError: The manifest does not list it, or it is gone.
        """
        path = self.folder / file
        if file not in self.manifest.files or not path.is_file():
            listed = sorted(self.manifest.files)[:5]
            raise DamagedTableError(f"{self.manifest.name} has no file {file}; it lists {listed}. Delete {self.directory} and run again.")
        return path

    def files(self, *, prefix: str = "") -> list[str]:
        """Parquet files whose path starts with `prefix`, in path order; those of refused rows only if it asks for them."""
        files = [file for file in sorted(self.manifest.files) if file.endswith(".parquet") and file.startswith(prefix)]
        return files if prefix.startswith(QUARANTINE) else [file for file in files if not file.startswith(QUARANTINE)]

    def scan(self, table: Table, *, prefix: str = "") -> pl.LazyFrame:
        """The rows of `files`, those of older versions of the table migrated.

        Raises:
            SchemaError: A file breaks the table's contract, or no migration leads from its version; it is named.
        """
        paths = [self.path(file) for file in self.files(prefix=prefix)]
        versions = [check_file(path, table) for path in paths]
        if not paths:
            return table.empty().lazy()
        if all(version == table.version for version in versions):
            return pl.scan_parquet(paths, glob=False, hive_partitioning=False)  # names are names: neither "[1]" nor "month=" means anything
        parts = zip(paths, versions, strict=True)
        return pl.concat([migrate(_scan_file(path), table, version=version, file=str(path)) for path, version in parts])

    def scan_files(self, table: Table) -> list[pl.LazyFrame]:
        """The rows of `scan`, file by file: who collects one after the other has one in memory, where polars reads several ahead.

        Returns:
            At least one frame.

        Raises:
            SchemaError: As `scan`.
        """
        return [scan_file(self.path(file), table) for file in self.files()] or [table.empty().lazy()]

    def batches(self, table: Table, file: str) -> Iterator[pl.DataFrame]:
        """The rows of one file as `scan` gives them, ROWS_AT_ONCE at a time.

        Raises:
            SchemaError: As `scan`.
        """
        path = self.path(file)
        version = check_file(path, table)
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE, use_threads=False):
                yield migrate(pl.DataFrame(batch).lazy(), table, version=version, file=str(path)).collect()


def scan_file(path: Path, table: Table) -> pl.LazyFrame:
    """The rows of one Parquet file, those of an older version of the table migrated.

    Raises:
        SchemaError: As `TableReader.scan`.
    """
    return migrate(_scan_file(path), table, version=check_file(path, table), file=str(path))


def _scan_file(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


class TableWriter:
    """Collects the files of a table out of sight; `commit` makes them the table, anything else leaves the old one standing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._building = directory / f".building-{os.getpid()}"

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        for abandoned in self._directory.glob(".building-*"):
            if abandoned == self._building or not _runs(int(abandoned.name.removeprefix(".building-"))):
                shutil.rmtree(abandoned)
        self._building.mkdir()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self._building, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Where files are written until `commit`."""
        return self._building

    def write(self, frame: pl.DataFrame, table: Table, *, file: str = "part-0000.parquet") -> None:
        """Check a frame against its table and write it as Parquet.

        Raises:
            SchemaError: The frame breaks the table's contract.
            FullDiskError: There is no room.
        """
        path = self._building / file
        check(frame, table)
        with writing_to(self._directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(path, compression="zstd", statistics=True, metadata=file_metadata(table))

    def keep(self, reader: TableReader, file: str) -> None:
        """Carry a file of the table's last build over unchanged, without copying its bytes where the disk allows."""
        self.add(reader.path(file), file)

    def add(self, path: Path, file: str) -> None:
        """Bring in a file that lies elsewhere, by hard link where the disk allows."""
        target = self._building / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except OSError:
            with writing_to(self._directory):
                shutil.copyfile(path, target)

    def commit(
        self,
        *,
        fingerprint: str = "",
        facts: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
        same_rows_as: Manifest | None = None,
    ) -> Manifest:
        """Make what was written the table; readers of the old build keep theirs until the next commit.

        Args:
            fingerprint: What it was made from.
            facts: What a reader should know.
            run: How it was made.
            same_rows_as: A build with the same rows in other files: whoever has read that one need not read this one.
        """
        files = describe_files(self._building)
        digest = content_digest(files)
        final = self._directory / f"data-{digest[:16]}"
        if final.exists() and describe_files(final) != files:  # somebody damaged it: these are the bytes it should hold
            shutil.rmtree(final)
        if not final.exists():
            self._building.rename(final)
        previous = Manifest.read(self._directory)
        manifest = Manifest(
            name=self._directory.name,
            folder=final.name,
            files=files,
            content_digest=same_rows_as.content_digest if same_rows_as else digest,
            fingerprint=fingerprint,
            facts=dict(facts or {}),
            run=dict(run or {}),
        )
        with writing_to(self._directory):
            manifest.write(self._directory)
        standing = {final.name, previous.folder if previous else final.name}
        for stale in self._directory.glob("data-*"):
            if stale.name not in standing:
                shutil.rmtree(stale, ignore_errors=True)
        return manifest


def remove_old_builds(reader: TableReader) -> None:
    """Remove every build of a table but the one that stands, which readers of an older one do not survive."""
    for path in reader.directory.iterdir():
        if path.is_dir() and path != reader.folder:
            shutil.rmtree(path)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class Workspace:
    """The folder of one shop; every path below it is decided here."""

    root: Path

    @property
    def landing(self) -> Path:
        """Where sources drop files for ingestion."""
        return self.root / "landing"

    @property
    def fetched_images(self) -> Path:
        """Bytes of the photos in the table `fetched_images`, by digest; too many to be written anew with each build of it."""
        return self.root / "fetched_images"

    @property
    def releases(self) -> Path:
        """Published releases and the champion file."""
        return self.root / "releases"

    @property
    def online_store(self) -> Path:
        """Users, events and items of the day, for serving."""
        return self.root / "online" / "store.sqlite"

    @property
    def served(self) -> Path:
        """Samples of what the API has answered, with all that its ranker read."""
        return self.root / "served"

    @property
    def reports(self) -> Path:
        """Evaluation reports, the newest of each kind."""
        return self.root / "reports"

    @property
    def tuning(self) -> Path:
        """Searches for better settings: their trials and what each was worth."""
        return self.root / "tuning"

    @property
    def tuned(self) -> Path:
        """Settings that the last search found better than the config's own; there only if it did."""
        return self.root / "tuned.toml"

    @property
    def tracking(self) -> Path:
        """Database and artefacts of the experiment tracker."""
        return self.root / "tracking"

    @property
    def tombstones(self) -> Path:
        """Who was erased, as digests."""
        return self.root / "privacy" / "tombstones.json"

    @property
    def receipts(self) -> Path:
        """What each erasure found and removed, without the user's id."""
        return self.root / "privacy" / "receipts"

    def table(self, name: str) -> Path:
        """Folder of a table: its manifest and its builds."""
        return self.root / "tables" / name

    def scratch(self, stage: str) -> Path:
        """Where a stage keeps what lets it resume after a kill; emptied when the stage is done."""
        return self.root / "scratch" / stage

    def exists(self, name: str) -> bool:
        """Whether a finished run has written this table."""
        return Manifest.read(self.table(name)) is not None

    def read(self, name: str) -> TableReader:
        """A finished table.

        Raises:
            MissingTableError: No finished run has written it.
        """
        manifest = Manifest.read(self.table(name))
        if manifest is None:
            raise MissingTableError(
                f"There is no table {name} in {self.root}: no finished stage has written it. Run `vitrine nightly` first."
            )
        return TableReader(self.table(name), manifest)

    def write(self, name: str) -> TableWriter:
        """A writer for the next build of a table; use it as a context."""
        return TableWriter(self.table(name))

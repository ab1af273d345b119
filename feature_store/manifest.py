"""What a finished table says of itself; a table without a manifest does not exist."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from feature_store.errors import DamagedTableError

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A table's files, and what they were made from."""

    name: str
    folder: str
    """Folder of the files, beside the manifest."""
    files: Mapping[str, Mapping[str, Any]]
    """Path below the folder -> {"bytes", "sha256"}."""
    content_digest: str
    """Digest over paths and contents; no times, no machine. A build with the same rows in other files keeps it."""
    fingerprint: str
    """Digest of code, config and inputs of the stage that wrote it; equal fingerprints need not run again."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Rows, counts and anything a reader should know."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """When and how it was made: seconds, peak memory, versions. Never part of a digest."""

    def write(self, directory: Path) -> None:
        """Make the table exist: the last act of whoever wrote its files."""
        write_text_atomically(directory / MANIFEST, json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")

    @staticmethod
    def read(directory: Path) -> "Manifest | None":
        """The manifest, or None where no finished run has written one.

        Raises:
            DamagedTableError: The file is there and is no manifest.
        """
        try:
            text = (directory / MANIFEST).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return Manifest(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise DamagedTableError(f"{directory / MANIFEST} is no manifest ({error}). Delete {directory} and run again.") from error


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a file whole, so that a reader sees the old text or the new and a kill leaves no half."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Bytes and SHA-256 of every file below a folder, by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)} for path in paths}


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    """One digest over the paths and contents of many files."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]['sha256']}\n".encode())
    return digest.hexdigest()

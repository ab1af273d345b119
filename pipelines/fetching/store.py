"""The bytes of fetched photos on disk, each file named by the SHA-256 of what it holds."""

import hashlib
from pathlib import Path

import polars as pl


class PhotoStore:
    """Files that are written once and never changed.

    Args:
        root: Folder of all; need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, digest: str) -> Path:
        """Where the bytes of a digest lie, if they do."""
        return self._root / digest[:2] / digest

    def holds(self, digest: str, size_bytes: int) -> bool:
        """Whether they lie there, whole."""
        try:
            return self.path(digest).stat().st_size == size_bytes
        except OSError:
            return False

    def put(self, content: bytes) -> str:
        """Keep the bytes; their digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.holds(digest, len(content)):
            target = self.path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(target)
        return digest

    def keep_only(self, digests: pl.Series) -> None:
        """Remove every other file, the halves of killed runs among them."""
        for folder in sorted(self._root.glob("??")):
            wanted = set(digests.filter(digests.str.starts_with(folder.name)))
            for path in folder.iterdir():
                if path.name not in wanted:
                    path.unlink()

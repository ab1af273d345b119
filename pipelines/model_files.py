"""Know a model again by its files, not by the path under which they lie."""

import hashlib
from functools import cache
from pathlib import Path

from feature_store.manifest import file_digest
from recsys.encoders.projection import dense_folders


def model_digest(source: str) -> str:
    """Digest over names and bytes of the files in a local model's folder, its dense layers included; that of nothing for a published one,
    which its name tells."""
    digest, folder = hashlib.sha256(), Path(source)
    for path in sorted([*folder.glob("*"), *(path for dense in dense_folders(source) for path in (folder / dense).glob("*"))]):
        if path.is_file():
            status = path.stat()
            digest.update(f"{path.relative_to(folder)} {_digest(path.resolve(), status.st_size, status.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


@cache
def _digest(path: Path, _bytes: int, _changed_ns: int) -> str:
    """A file's digest, taken once per process while its size and time stay."""
    return file_digest(path)

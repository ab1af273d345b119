"""Landing folders of an empty workspace, and what an importer has left there."""

from pathlib import Path

import polars as pl
from PIL import Image

from feature_store.landing import read_landing
from pipelines.importers.landing import Landing


def empty_landing(root: Path) -> Landing:
    """Folders that do not exist yet."""
    return Landing(**{name: root / "landing" / name for name in ("events", "catalogue", "users", "images")})


def only_file(folder: Path) -> pl.DataFrame:
    """The rows of the one file in a folder."""
    (path,) = folder.iterdir()
    return read_landing(path)


def photo(path: Path, *, colour: str = "red") -> Path:
    """A small photo of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path

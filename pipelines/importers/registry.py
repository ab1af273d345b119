"""The sources that `vitrine import` knows by name, and the one call behind the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pipelines.config import Config
from pipelines.importers.columns import import_columns
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing, landing_of
from pipelines.importers.movielens import import_movielens
from pipelines.importers.xwines import import_xwines
from pipelines.progress import Progress


class Importer(Protocol):
    """Brings a source in its original format into the landing folders."""

    def __call__(self, source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
        """Fill the landing folders.

        Raises:
            ImportSourceError: The source is not what the importer wants.
        """


IMPORTERS: Mapping[str, Importer] = {"movielens": import_movielens, "xwines": import_xwines}


def run_import(config: Config, source: Path, *, name: str | None = None, posters: Path | None = None, progress: Progress) -> ImportSummary:
    """Bring a source into the landing folders of a config.

    Args:
        config: Names the folders and, where no importer is named, maps the columns.
        source: Folder of the source.
        name: One of IMPORTERS; None: by the [mapping] of the config.
        posters: Folder of photos, for an importer that takes one.
        progress: Shows what is going on.

    Raises:
        ImportSourceError: No importer has this name, a folder is not there, or the source is not what the importer wants.
    """
    if name is not None and name not in IMPORTERS:
        raise ImportSourceError(f"no importer is called {name!r}; there are {', '.join(IMPORTERS)}, or leave the name out to use [mapping]")
    for folder in (source, posters):
        if folder is not None and not folder.is_dir():
            raise ImportSourceError(f"{folder} is no folder; pass the folder that holds the files of the source")
    landing = landing_of(config)
    if name is None:
        if posters is not None:
            raise ImportSourceError("photos of a mapped source are named by image_root in [mapping.catalogue]; leave --posters out")
        return import_columns(source, landing, mapping=config.mapping, progress=progress)
    return IMPORTERS[name](source, landing, posters=posters, progress=progress)

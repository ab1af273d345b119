"""The sources that `vitrine import` knows by name, and the one call behind the command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pipelines.config import Config
from pipelines.importers.amazon_reviews import import_amazon_reviews
from pipelines.importers.columns import import_columns
from pipelines.importers.hm import import_hm
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing, landing_of
from pipelines.importers.movielens import import_movielens
from pipelines.importers.xwines import import_xwines
from pipelines.progress import Progress
from pipelines.sample_shop.shop import draw_shop


class Importer(Protocol):
    """Brings a source in its original format into the landing folders."""

    def __call__(self, source: Path, landing: Landing, *, posters: Path | None, progress: Progress) -> ImportSummary:
        """Fill the landing folders.

        Raises:
            ImportSourceError: The source is not what the importer wants.
        """


IMPORTERS: Mapping[str, Importer] = {
    "movielens": import_movielens,
    "xwines": import_xwines,
    "hm": import_hm,
    "amazon_reviews": import_amazon_reviews,
}
SAMPLE_SHOP = "sample_shop"
"""Drawn, not read: it needs no source."""


def import_source(
    what: str, source: Path | None, config: Config, *, posters: Path | None = None, seed: int = 1, progress: Progress
) -> ImportSummary:
    """What `vitrine import` does: draw the sample shop, read a source by its name, or map the columns of a folder.

    Args:
        what: `sample_shop`, one of IMPORTERS, or a folder for the [mapping] of the config.
        source: Folder of a source by name.
        config: Names the landing folders.
        posters: Folder of photos, for an importer that takes one.
        seed: Of the drawn shop.
        progress: Shows what is going on.

    Raises:
        ImportSourceError: The arguments do not fit together, or the source is not what the importer wants.
    """
    if what == SAMPLE_SHOP:
        if source is not None:
            raise ImportSourceError(f"{SAMPLE_SHOP} is drawn, not read: leave {source} out")
        return draw_shop(landing_of(config), config.open_workspace().root / "truth", seed=seed, progress=progress)
    if what in IMPORTERS:
        if source is None:
            raise ImportSourceError(f"{what} wants the folder of its files: vitrine import {what} FOLDER")
        return run_import(config, source, name=what, posters=posters, progress=progress)
    if source is not None:
        raise ImportSourceError(f"no importer is called {what!r}; there are {', '.join(IMPORTERS)} and {SAMPLE_SHOP}")
    return run_import(config, Path(what), posters=posters, progress=progress)


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

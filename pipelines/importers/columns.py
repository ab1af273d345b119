"""Any tables with columns of its own, brought in by the [mapping] of a config."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import polars as pl

from feature_store.casts import cast_column, pairs_of
from feature_store.errors import LandingError
from feature_store.landing import read_landing
from feature_store.schema import CATALOGUE, EVENTS, LANDED_USERS, UTC_TIME, Table
from pipelines.importers.config import CatalogueMapping, MappingConfig, TableMapping, UsersMapping
from pipelines.importers.landing import ImportSourceError, ImportSummary, Landing
from pipelines.importers.moments import utc_or_as_found
from pipelines.progress import Progress


def import_columns(source: Path, landing: Landing, *, mapping: MappingConfig, progress: Progress) -> ImportSummary:
    """Bring the files of a source folder into the landing folders under our column names.

    Values are not judged here: what does not fit a table goes to its quarantine at ingestion, with the reason.

    Raises:
        ImportSourceError: The mapping names no file, or a file or a column that is not there, or a column that is none of ours.
    """
    if not (mapping.events.file or mapping.catalogue.file or mapping.users.file):
        raise ImportSourceError(
            "the config maps neither events nor a catalogue nor users; name a file in [mapping.events], [mapping.catalogue] "
            "or [mapping.users]"
        )
    events, items, users, photos, missing = 0, 0, 0, 0, 0
    if mapping.catalogue.file:
        with _naming(source / mapping.catalogue.file):
            rows, photos, missing = _map_catalogue(source, landing, mapping.catalogue, progress)
        landing.put_catalogue(rows, PurePosixPath(mapping.catalogue.file).stem)
        items = rows.height
    if mapping.events.file:
        with _naming(source / mapping.events.file):
            rows = _map_columns(_read(source / mapping.events.file), EVENTS, mapping.events)
        landing.put_events(rows, PurePosixPath(mapping.events.file).stem)
        events = rows.height
    if mapping.users.file:
        with _naming(source / mapping.users.file):
            rows = _map_users(_read(source / mapping.users.file), mapping.users)
        landing.put_users(rows, PurePosixPath(mapping.users.file).stem)
        users = rows.height
    return ImportSummary(events=events, items=items, users=users, images=photos, missing_images=missing)


def _map_users(raw: pl.DataFrame, mapping: UsersMapping) -> pl.DataFrame:
    _require(raw.columns, mapping.attributes, "mapping.users.attributes")
    rows = _map_columns(raw, LANDED_USERS, mapping)
    return rows.with_columns(pairs_of(raw.select(mapping.attributes))) if mapping.attributes else rows


def _map_catalogue(source: Path, landing: Landing, mapping: CatalogueMapping, progress: Progress) -> tuple[pl.DataFrame, int, int]:
    raw = _read(source / mapping.file)
    rows = _map_columns(raw, CATALOGUE, mapping)
    if "category" in rows.columns:
        rows = rows.with_columns(
            cast_column(rows["category"], CATALOGUE["category"], times=mapping.times, separator=mapping.category_separator)
        )
    if mapping.attributes:
        _require(raw.columns, mapping.attributes, "mapping.catalogue.attributes")
        rows = rows.with_columns(pairs_of(raw.select(mapping.attributes)))
    if not mapping.image_root or "image_uri" not in rows.columns:
        return rows, 0, 0
    below_root = rows["image_uri"].cast(pl.String).str.strip_prefix(f"{mapping.image_root.rstrip('/')}/")
    wanted = below_root.filter(~below_root.str.contains("://")).drop_nulls().unique(maintain_order=True)
    brought = landing.put_images(source / mapping.image_root, wanted, progress=progress)
    kept = pl.col("image_uri").str.contains("://") | pl.col("image_uri").is_in(list(brought))
    rows = rows.with_columns(image_uri=below_root).with_columns(image_uri=pl.when(kept).then(pl.col("image_uri")))
    return rows, len(brought), len(wanted) - len(brought)


def _map_columns(raw: pl.DataFrame, table: Table, mapping: TableMapping) -> pl.DataFrame:
    """The mapped columns under our names, then the constants; times in UTC where they can be read."""
    where = f"mapping.{table.name}"
    for name in (*mapping.columns, *mapping.constants):
        if name not in table.schema:
            near = difflib.get_close_matches(name, table.schema.names(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"ours are {', '.join(table.schema)}"
            raise ImportSourceError(f"[{where}]: {name!r} is no column of {table.name}; {hint}")
    _require(raw.columns, list(mapping.columns.values()), f"{where}.columns")
    rows = raw.select(pl.col(theirs).alias(ours) for ours, theirs in mapping.columns.items())
    timed = [name for name in rows.columns if table.schema[name] == UTC_TIME]
    return rows.with_columns(utc_or_as_found(rows[name], mapping.times) for name in timed).with_columns(
        pl.lit(value).alias(name) for name, value in mapping.constants.items()
    )


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        there = sorted(entry.name for entry in path.parent.iterdir())[:10] if path.parent.is_dir() else "no such folder"
        raise ImportSourceError(f"there is no file {path}; its folder holds {there}. Pass the source folder, or mend `file` in [mapping]")
    return read_landing(path)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Of which file it is said what cannot be read."""
    try:
        yield
    except LandingError as error:
        raise ImportSourceError(f"{path} {error}") from error


def _require(found: Sequence[str], wanted: Sequence[str], where: str) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ImportSourceError(f"[{where}] names {', '.join(missing)}, which the source does not have; its columns are {', '.join(found)}")

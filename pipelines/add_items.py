"""Items are recommendable minutes after they enter the feed: encoded, described by the champion's own graph, laid beside its index."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from feature_store.catalogue import conform_catalogue, upsert
from feature_store.checks import REASON
from feature_store.intake import Intake, take_in
from feature_store.knowledge import triples_of_attributes
from feature_store.landing import LandingFile, content_of
from feature_store.layout import Workspace
from feature_store.online.protocol import AddedItem
from feature_store.schema import CATALOGUE, FETCHED_IMAGES, item_embeddings
from pipelines.config import Config
from pipelines.contents import modalities_of, open_content
from pipelines.encoding.shard import embed_shard
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.store import PhotoStore
from pipelines.landing import list_source, time_rule
from pipelines.online_store import open_online_store
from pipelines.photos import ItemPhotos
from pipelines.progress import Progress
from pipelines.recommend import release_folder
from pipelines.stage import StageContext
from pipelines.stages.embed_items import STAGE as EMBED_ITEMS
from pipelines.stages.fetch_images import REMOTE, due, fetch, standing, without_lost
from recsys.slate.added_items import catalogue_rows, describe_items, new_item_rules
from recsys.slate.release_reader import Release, read_release


class AddItemsError(Exception):
    """Items cannot be added; says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of the rows."""

    release_id: str
    """The champion, to which they were added."""
    items: int = 0
    """Added, or put in the place of what was added before."""
    encoded: Mapping[str, int] = field(default_factory=dict)
    """modality -> how many of them have it."""
    known: int = 0
    """Left out of a file: the release has them already."""
    unchanged: int = 0
    """Left out: rows of the landing folder that were added before as they are."""
    withdrawn: int = 0
    """Left out: they were removed."""
    refused: Sequence[str] = ()
    """Why rows and files were refused, and photos and texts that are missing from items nevertheless added."""


def add_items(config: Config, file: Path | None, *, progress: Progress) -> Added:
    """Make new items recommendable, from their content alone, until the next champion knows them.

    Args:
        config: The shop's.
        file: Parquet, CSV or JSON lines with the catalogue's columns; None: what has come into the landing folders.
        progress: Bars and lines.

    Raises:
        AddItemsError: The file cannot be read, or the encoders are not those of the champion.
        ReleaseError: No release is served, or it was published by a version that could not add items.
    """
    workspace = config.open_workspace()
    release = read_release(release_folder(workspace, ""))
    new_item_rules(release)
    with contextlib.closing(open_online_store(config)) as store:
        intake = _take_in(config, workspace, file)
        rows = upsert(CATALOGUE.empty(), intake.rows).rows
        new = rows.filter(~pl.col("item_id").is_in(release.items.vocabulary.item_ids))
        allowed = new.filter(~pl.col("item_id").is_in(list(store.item_changes().withdrawn)))
        wanted = _differing(allowed, catalogue_rows(store.added_items(release.release_id))) if file is None else allowed
        described, encoded, lacking = _describe(config, release, wanted, progress)
        if described:
            store.add_items(release.release_id, described)
    return Added(
        release_id=release.release_id,
        items=len(described),
        encoded=encoded,
        known=rows.height - new.height if file else 0,
        unchanged=allowed.height - wanted.height,
        withdrawn=new.height - allowed.height,
        refused=[*_reasons(intake), *lacking],
    )


def _take_in(config: Config, workspace: Workspace, file: Path | None) -> Intake:
    if file is None:
        files = list_source(config.sources.catalogue, workspace)
    elif file.is_file():
        files = [LandingFile(file, file.name, content_of(file))]
    else:
        raise AddItemsError(f"there is no file {file}; name a Parquet, CSV or JSON-lines file with the catalogue's columns")
    times = time_rule(config)
    intake = take_in(files, CATALOGUE, lambda raw, _file: conform_catalogue(raw, times))
    if file is not None and intake.unreadable:
        raise AddItemsError(f"{file} {intake.unreadable[file.name]}")
    return intake


def _differing(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not the same as before."""
    known = {row["item_id"]: row for row in before.iter_rows(named=True)}
    return rows.filter(pl.Series([known.get(row["item_id"]) != row for row in rows.iter_rows(named=True)], dtype=pl.Boolean))


def _describe(
    config: Config, release: Release, rows: pl.DataFrame, progress: Progress
) -> tuple[list[AddedItem], dict[str, int], list[str]]:
    """The items; by modality, how many have it; why content that was named could not be used."""
    if rows.is_empty():
        return [], {}, []
    config = replace(config, embed=replace(config.embed, compile_images=False))  # a few photos are encoded before a model is compiled
    context = StageContext(workspace=config.open_workspace(), config=config, date=datetime.now(UTC), progress=progress, stage=EMBED_ITEMS)
    photos = ItemPhotos(config, context.read("fetched_images"))
    photos.add_fetched(_fetch_photos(config, context.workspace, rows))
    published, modalities = new_item_rules(release).encoders, modalities_of(config)
    embeddings, encoded, lacking = {}, {}, []
    for modality in progress.track(modalities, what="encoding", total=len(modalities)):
        content, _ = open_content(modality, context, rows, photos)  # one after the other: both kinds of text have the same large model
        if content.version != published.get(modality):
            raise AddItemsError(
                f"the {modality} vectors of release {release.release_id} come from encoder {published.get(modality)}; the config and the "
                f"tables of encoders give {content.version}, and vectors of two encoders cannot be compared. Pass the config that the "
                "release was made with, or run `vitrine nightly` so that a release with these encoders is served."
            )
        embeddings[modality], counts = embed_shard(rows, content, item_embeddings(content.dim).empty(), modality=modality)
        encoded[modality] = counts.encoded
        lacking += [f"{one['item_id']}, added without its {modality}: {one[REASON]}" for one in counts.refused]
    return describe_items(release, rows, embeddings, _knowledge(config, rows)), encoded, lacking


def _knowledge(config: Config, rows: pl.DataFrame) -> pl.DataFrame:
    """What attributes tell; files of triples wait for the night."""
    there = set(rows["attributes"].explode(empty_as_null=False).struct.field("name"))
    names = [name for name in config.knowledge.from_attributes if name in there]
    return triples_of_attributes(rows, names, separator=config.knowledge.separator)


def _fetch_photos(config: Config, workspace: Workspace, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `fetched_images` of photos on web servers that the night has not fetched yet."""
    uris = rows.filter(REMOTE).select(pl.col("image_uri").alias("uri")).unique().sort("uri")
    store, now, settings = PhotoStore(workspace.fetched_images), datetime.now(UTC), config.fetch_images
    known = workspace.read("fetched_images").scan(FETCHED_IMAGES).collect()
    wanted = due(without_lost(standing(uris, known), store), now=now, recheck_days=settings.recheck_days)
    found: list[FetchedImage] = []
    if settings.enabled and len(wanted):
        asyncio.run(fetch(wanted, store, settings, now=now, keep=found.append))
    return pl.DataFrame([asdict(image) for image in found], schema=FETCHED_IMAGES.schema)


def _reasons(intake: Intake) -> list[str]:
    rows = [f"{source} row {row}: {reason}" for source, row, reason in intake.refused.select("source", "row", REASON).iter_rows()]
    return [*(f"{name} {reason}" for name, reason in intake.unreadable.items()), *rows]

"""Fetch the photos that lie on web servers; what a host says is unchanged, or was asked for lately, is not fetched again.

The bytes go into `Workspace.fetched_images`, each photo at once, and what came of it into a journal in the scratch folder, so a killed run
goes on where it was. A photo that cannot be fetched keeps the bytes of an earlier night and is asked for again the next.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from feature_store.checks import REASON
from feature_store.layout import QUARANTINE, Workspace
from feature_store.schema import CATALOGUE, FETCHED_IMAGES
from pipelines.config import Config
from pipelines.fetching.config import FetchImagesConfig
from pipelines.fetching.crowd import fetch_all
from pipelines.fetching.fetcher import Fetcher, open_pool
from pipelines.fetching.image import FetchedImage
from pipelines.fetching.journal import Journal
from pipelines.fetching.store import PhotoStore
from pipelines.stage import Stage, StageContext

REMOTE = pl.col("image_uri").str.contains(r"^(?i:https?)://")
HOST = pl.col("uri").str.extract(r"^[^:]+://(?:[^/?#]*@)?([^/?#]*)").str.to_lowercase()


def standing(uris: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """One row of `fetched_images` per URI: the newest that is known, or an empty one.

    Args:
        uris: Column `uri`, each once.
        known: Rows of `fetched_images`, oldest first.
    """
    newest = known.unique("uri", keep="last", maintain_order=True)
    return uris.join(newest, on="uri", how="left", maintain_order="left").select(FETCHED_IMAGES.schema.names())


def without_lost(images: pl.DataFrame, store: PhotoStore) -> pl.DataFrame:
    """The same rows, those whose bytes are no longer in the store as if they had never been fetched."""
    held = [digest is not None and store.holds(digest, size) for digest, size in images.select("digest", "size_bytes").iter_rows()]
    return images.with_columns(pl.when(pl.Series(held, dtype=pl.Boolean)).then(pl.exclude("uri", "reason")))


def due(images: pl.DataFrame, *, now: datetime, recheck_days: float) -> pl.DataFrame:
    """The rows to ask for: never fetched, failed the last time, or not confirmed for too long."""
    stale = pl.col("fetched_at") < now - timedelta(days=recheck_days)
    return images.filter(pl.col("fetched_at").is_null() | pl.col("reason").is_not_null() | stale)


async def fetch(
    images: pl.DataFrame, store: PhotoStore, settings: FetchImagesConfig, *, now: datetime, keep: Callable[[FetchedImage], None]
) -> Counter[str]:
    """Ask for photos, many at once.

    Args:
        images: Rows of `fetched_images`.
        store: Takes the bytes.
        settings: The limits.
        now: The moment that is noted for what is fetched.
        keep: Called with what is known of a photo as soon as that is certain.

    Returns:
        How many ended how; see `Fetcher.counts`.
    """
    by_host = images.with_columns(HOST.alias("host")).partition_by("host", as_dict=True, include_key=False)
    wanted = {str(host): (FetchedImage(**row) for row in rows.iter_rows(named=True)) for (host,), rows in by_host.items()}
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.concurrency))  # a name resolved slowly holds up no other
    async with open_pool(settings) as pool:
        fetcher = Fetcher(pool, store, settings, now=now, rng=np.random.default_rng())

        async def fetch_one(host: str, image: FetchedImage) -> None:
            keep(await fetcher.fetch(host, image))

        await fetch_all(wanted, fetch_one, concurrency=settings.concurrency, per_host=settings.per_host)
    return fetcher.counts


def run(context: StageContext) -> None:
    """Ask for what is due, and write what is then known of every photo of the catalogue that lies on a web server."""
    fingerprint, settings, workspace = context.fingerprint, context.config.fetch_images, context.workspace
    items = context.read("catalogue").scan(CATALOGUE).filter(REMOTE).select("item_id", pl.col("image_uri").alias("uri")).collect()
    uris = items.select("uri").unique().sort("uri")
    last = workspace.read(STAGE.writes).scan(FETCHED_IMAGES).collect() if workspace.exists(STAGE.writes) else FETCHED_IMAGES.empty()
    store, now = PhotoStore(workspace.fetched_images), datetime.now(UTC)
    counts: Counter[str] = Counter()
    with Journal(workspace.scratch(STAGE.name) / "journal.jsonl") as journal:  # what the world said stays true under another fingerprint
        images = without_lost(standing(uris, pl.concat([last, journal.read()])), store)
        wanted = due(images, now=now, recheck_days=settings.recheck_days)
        if settings.enabled and len(wanted):
            bar = iter(context.progress.track(range(len(wanted)), what="fetching photos", total=len(wanted)))

            def keep(image: FetchedImage) -> None:
                journal.record(image)
                next(bar, None)

            counts = asyncio.run(fetch(wanted, store, settings, now=now, keep=keep))
            for _ in bar:
                pass
            context.progress.say("  " + ", ".join(f"{number:,} {what}" for what, number in counts.most_common()))
        images = standing(uris, pl.concat([images, journal.read()]))
    failed = items.join(images.filter(pl.col("reason").is_not_null()), on="uri", maintain_order="left")
    with workspace.write(STAGE.writes) as writer:
        writer.write(images, FETCHED_IMAGES)
        if len(failed):
            target = writer.folder / QUARANTINE / "part-0000.parquet"
            target.parent.mkdir()
            failed.select("item_id", "uri", REASON, pl.col("digest").is_not_null().alias("kept")).write_parquet(target, compression="zstd")
        facts = {"rows": len(images), "fetched": len(images) - images["digest"].null_count(), "quarantined": len(failed)}
        context.commit(writer, facts={**facts, "asked": dict(counts)}, fingerprint=fingerprint)
    store.keep_only(images["digest"].drop_nulls())


def _day(_config: Config, workspace: Workspace) -> Mapping[str, str]:
    """A shop with photos on web servers asks once a day, by the clock of the machine; another never."""
    remote = workspace.read("catalogue").scan(CATALOGUE).select(REMOTE.any()).collect().item()
    return {"day": datetime.now(UTC).date().isoformat() if remote else ""}


STAGE = Stage(
    name="fetch_images", reads=("catalogue",), writes="fetched_images", config=("fetch_images",), dated=False, run=run, extra=_day
)

"""Turn the photo and the text of every item into vectors, beside those that were given; only what is new or has changed is encoded.

The catalogue is append-only, so its rows fall into *shards* of `shard_items` rows that stay the same from night to night. A shard is
compared with the last build by content digest and encoder version, what differs is encoded, and the shard's file is put into the scratch
folder by an atomic rename: a killed run goes on at the first missing shard, and since a shard depends on the catalogue, the files and the
last build alone, it ends with the same bytes. A vector kept from another night was made beside other batch companions; it is the same
within `recsys.encoders.protocol.COMPANION_TOLERANCE`. A photo that was refused is tried again every night.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from feature_store.checks import REASON
from feature_store.embeddings import HALF
from feature_store.layout import TableReader
from feature_store.manifest import write_text_atomically
from feature_store.schema import CATALOGUE, item_embeddings
from pipelines.contents import content_digests, modalities_of, open_content
from pipelines.encoding.engine import open_engine
from pipelines.encoding.shard import KNOWN, Counts, lay_down, read_shard
from pipelines.photos import ItemPhotos
from pipelines.stage import Stage, StageContext
from recsys.encoders.content import Content, UnencodedPhotos
from recsys.encoders.precision_check import PrecisionCheck, check_precision
from recsys.encoders.protocol import EncoderError


class TooManyRefusedError(EncoderError):
    """So many photos, texts or given vectors cannot be used that something is wrong with all of them."""


def run(context: StageContext) -> None:
    """Embed every modality shard by shard, then bring the shards together.

    Raises:
        PrecisionError: The number format costs more than `min_precision_cosine` allows.
        TooManyRefusedError: More photos, texts or given vectors than `max_refused_share` cannot be used.
        LandingError, MixedEncodersError: See `open_content`.
        EngineError: See `pipelines.scale.workers`.
    """
    scratch, embed, fingerprint = context.scratch, context.config.embed, context.fingerprint
    catalogue = context.read("catalogue").scan(CATALOGUE).collect()
    last = context.workspace.read(STAGE.writes) if context.workspace.exists(STAGE.writes) else None
    counts: dict[str, Counts] = {}
    left: dict[str, Mapping[str, int]] = {}
    dims: dict[str, int] = {}
    speed: dict[str, float] = {}
    precision: dict[str, PrecisionCheck] = {}
    storage: dict[str, str] = {}
    photos = ItemPhotos(context.config, context.read("fetched_images"))
    modalities = modalities_of(context.config)
    for modality, contents in modalities.items():
        content, left[modality] = open_content(modality, context, catalogue, photos)
        storage[modality] = "fp32" if modality in context.config.sources.modalities else embed.storage
        half = storage[modality] == HALF
        checked = last.manifest.facts.get("precision", {}).get(modality) if last else None
        precision[modality] = check_precision(content, catalogue, last=checked, half=half)
        precision[modality].require(embed.min_precision_cosine, modality=modality)
        started = time.monotonic()
        dims[modality] = content.dim
        size = embed.shard_items
        parts = {start: _part(scratch, modality, start // size) for start in range(0, max(1, len(catalogue)), size)}
        missing = [start for start, (part, _) in parts.items() if not part.exists()]
        known = partial(_known, last, modality, storage[modality], content, size)
        shards = (read_shard(catalogue.slice(start, size), content, known(start, KNOWN), start=start) for start in missing)
        engine = open_engine(modality, content, context)
        encoded_now = 0
        for shard, encoded in context.progress.track(engine.encode(shards), what=f"embedding {contents}", total=len(missing)):
            frame, done = lay_down(shard, encoded, content, known(shard.start), modality=modality, half=half)
            _save(frame, done, *parts[shard.start])
            encoded_now += done.encoded
        counts[modality] = Counts()
        for _, note in parts.values():
            counts[modality].add(Counts(**json.loads(note.read_text(encoding="utf-8"))))
        speed[modality] = encoded_now / (time.monotonic() - started)
        if not isinstance(content, UnencodedPhotos):  # there all take no part, and `train_encoders` has said so
            _refuse_if_too_many(counts[modality], contents, embed.max_refused_share)
    refused = [row for modality in modalities for row in counts[modality].refused]
    with context.workspace.write(STAGE.writes) as writer:
        for path in sorted(scratch.glob("modality=*/part-*.parquet")):
            writer.add(path, path.relative_to(scratch).as_posix())
        if refused:
            target = writer.folder / "quarantine" / "part-0000.parquet"
            target.parent.mkdir()
            schema = {"item_id": pl.String, "modality": pl.String, REASON: pl.String, "digest": pl.String}
            pl.DataFrame(refused, schema=schema).write_parquet(target, compression="zstd")
        context.commit(
            writer,
            facts=_facts(counts, dims, precision, embed.shard_items)
            | {"storage": storage, "left_behind": {name: told for name, told in left.items() if told}},
            run={"items_per_s": speed},
            fingerprint=fingerprint,
        )


def _facts(
    counts: Mapping[str, Counts], dims: Mapping[str, int], precision: Mapping[str, PrecisionCheck], shard_items: int
) -> dict[str, Any]:
    def by_modality(name: str) -> dict[str, int]:
        return {modality: getattr(count, name) for modality, count in counts.items()}

    return {
        "rows": sum(count.rows for count in counts.values()),
        "quarantined": sum(len(count.refused) for count in counts.values()),
        "dims": dict(dims),
        "shard_items": shard_items,
        **{name: by_modality(name) for name in ("encoded", "kept", "absent", "truncated")},
        "refused": {modality: len(count.refused) for modality, count in counts.items()},
        "precision": {modality: asdict(check) for modality, check in precision.items()},
    }


def _refuse_if_too_many(counts: Counts, contents: str, at_most: float) -> None:
    given = counts.rows - counts.absent
    if given and len(counts.refused) > at_most * given:
        first = "; ".join(f"{row['item_id']}: {row[REASON]}" for row in counts.refused[:3])
        raise TooManyRefusedError(
            f"{len(counts.refused)} of {given} {contents} cannot be used, {len(counts.refused) / given:.1%}; at most {at_most:.1%} may be. "
            f"First: {first}. Check [sources], mend the {contents}, or raise [embed] max_refused_share."
        )


def _known(
    last: TableReader | None,
    modality: str,
    storage: str,
    content: Content,
    length: int,
    start: int,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """What the last build, whose shards may have been of another size, knows of catalogue rows [start, start + length).

    Nothing where it kept in fp16 what shall now be kept in fp32.
    """
    table = item_embeddings(content.dim).empty()
    nothing = table.select(columns or table.columns)
    if last is None or last.manifest.facts["dims"].get(modality) != content.dim:
        return nothing
    if last.manifest.facts.get("storage", {}).get(modality, storage) not in (storage, "fp32"):
        return nothing
    size = last.manifest.facts["shard_items"]
    files = [_file(modality, number) for number in range(start // size, (start + length - 1) // size + 1)]
    there = [last.path(file) for file in files if file in last.manifest.files]
    parts = [pl.read_parquet(path, columns=nothing.columns, hive_partitioning=False).cast(nothing.schema) for path in there]
    return pl.concat([nothing, *parts])


def _file(modality: str, number: int) -> str:
    return f"modality={modality}/part-{number:06d}.parquet"


def _part(scratch: Path, modality: str, number: int) -> tuple[Path, Path]:
    part = scratch / _file(modality, number)
    return part, part.with_suffix(".json")


def _save(frame: pl.DataFrame, counts: Counts, part: Path, note: Path) -> None:
    """The shard's file last: it stands for both."""
    part.parent.mkdir(exist_ok=True)
    write_text_atomically(note, json.dumps(counts.__dict__))
    partial = part.with_suffix(".partial")
    frame.write_parquet(partial, compression="zstd")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(part)


STAGE = Stage(
    name="embed_items",
    reads=("catalogue", "fetched_images", "image_encoder", "fine_tuned_encoders"),
    writes="item_embeddings",
    config=("embed",),
    dated=False,
    run=run,
    extra=content_digests,
)

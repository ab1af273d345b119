"""A run of catalogue rows on its way to vectors: read first, so that only what is new or has changed is handed to an engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from feature_store.checks import REASON, check
from feature_store.schema import item_embeddings
from recsys.encoders.content import Content, Encoded

KNOWN = ("item_id", "encoder_version", "content_digest", "presence")
"""Columns of `item_embeddings` that say what need not be encoded again."""


@dataclass(kw_only=True)
class Counts:
    """What happened to the items of a shard, or of a modality."""

    rows: int = 0
    encoded: int = 0
    kept: int = 0
    absent: int = 0
    truncated: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        """Count another shard in."""
        self.rows += other.rows
        self.encoded += other.encoded
        self.kept += other.kept
        self.absent += other.absent
        self.truncated += other.truncated
        self.refused += other.refused


@dataclass(frozen=True, kw_only=True)
class ReadShard:
    """Items whose contents have been read in one modality."""

    start: int
    """Row of the catalogue where it begins."""
    rows: pl.DataFrame
    """Of the table `catalogue`."""
    digests: Sequence[str]
    """Of each row's content, empty where there is none."""
    reasons: Mapping[int, str]
    """Row of the shard -> why what it names could not be read."""
    fresh: Sequence[int]
    """Rows of the shard that have to be encoded."""
    truncated: int
    """How many items say more than the encoder reads."""


def embed_shard(rows: pl.DataFrame, content: Content, known: pl.DataFrame, *, modality: str) -> tuple[pl.DataFrame, Counts]:
    """The rows of `item_embeddings` of one shard, encoded here, in fp32.

    Args:
        rows: Items, rows of the table `catalogue`.
        content: Reads the items' contents and encodes them.
        known: Rows of the last build; those of the same item, digest and encoder are kept.
    """
    shard = read_shard(rows, content, known)
    return lay_down(shard, content.encode(shard.fresh), content, known, modality=modality)


def read_shard(rows: pl.DataFrame, content: Content, known: pl.DataFrame, *, start: int = 0) -> ReadShard:
    """Read the contents of items and find those that nothing is known of.

    Args:
        rows: Rows of the table `catalogue`.
        content: Reads them.
        known: Columns KNOWN of the last build's rows.
        start: Row of the catalogue where they begin.
    """
    digests, reasons = content.read(rows)
    same = known.filter("presence", pl.col("encoder_version") == content.version)
    vectors = set(same.select("item_id", "content_digest").iter_rows())
    named = zip(rows["item_id"], digests, strict=True)
    fresh = [at for at, (item_id, digest) in enumerate(named) if digest and (item_id, digest) not in vectors]
    return ReadShard(start=start, rows=rows, digests=digests, reasons=reasons, fresh=fresh, truncated=content.truncated(rows))


def lay_down(
    shard: ReadShard, encoded: Encoded, content: Content, known: pl.DataFrame, *, modality: str, half: bool = False
) -> tuple[pl.DataFrame, Counts]:
    """The rows of `item_embeddings` of a shard whose fresh rows are encoded, in fp16 if `half`; see `embed_shard`."""
    rows, digests = shard.rows, shard.digests
    present = known.filter("presence", pl.col("encoder_version") == content.version)
    old = {(item_id, digest): at for at, (item_id, digest) in enumerate(present.select("item_id", "content_digest").iter_rows())}
    old_vectors = present["vector"].to_numpy() if len(present) else np.empty((0, content.dim), np.float32)
    vectors = np.zeros((len(rows), content.dim), np.float32)
    has = np.zeros(len(rows), bool)
    for at, key in enumerate(zip(rows["item_id"], digests, strict=True)):
        if key in old:
            vectors[at], has[at] = old_vectors[old[key]], True
    kept = int(has.sum())
    for at, vector in encoded.vectors.items():
        vectors[at], has[at] = vector, True
    reasons = {**shard.reasons, **encoded.reasons}
    frame = pl.DataFrame(
        {
            "item_id": rows["item_id"],
            "modality": pl.repeat(modality, len(rows), eager=True),
            "encoder_version": pl.repeat(content.version, len(rows), eager=True),
            "content_digest": digests,
            "presence": has,
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, content.dim)),
        }
    ).with_columns(pl.when("presence").then("vector").alias("vector"))
    table = item_embeddings(content.dim, half=half)
    refused = [{"item_id": rows["item_id"][at], "modality": modality, REASON: reasons[at], "digest": digests[at]} for at in sorted(reasons)]
    absent = len(rows) - int(has.sum()) - len(refused)
    counts = Counts(rows=len(rows), encoded=len(encoded.vectors), kept=kept, absent=absent, truncated=shard.truncated, refused=refused)
    return check(frame.cast({"vector": table.schema["vector"]}), table), counts

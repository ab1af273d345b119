"""Whether vectors computed in a short number format still are what their weights mean in fp32."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from recsys.encoders.content import Content
from recsys.encoders.protocol import EncoderError

SAMPLE = 256
NEIGHBOURS = 10


class PrecisionError(EncoderError):
    """The number format costs more than the shop allows."""


@dataclass(frozen=True, kw_only=True)
class PrecisionCheck:
    """What the number formats in which a modality's vectors are computed and kept cost."""

    sample: str
    """Digest of the encoder's version, of the contents that were compared and of how vectors are kept: equal samples need not be encoded
    again."""
    compared: int
    """Items; 0 where vectors are computed and kept in fp32, or nothing can be encoded."""
    min_cosine: float | None = None
    """Lowest cosine of an item's vector, as it is kept, to the one in fp32; None where nothing was compared."""
    min_cosine_kept: float | None = None
    """Of that, what keeping costs: lowest cosine of a vector as it is kept to the same as it was computed; None where it is kept whole."""
    neighbour_overlap: float | None = None
    """Mean share of an item's NEIGHBOURS nearest others in the sample that fp32 names too; None where fewer than two were compared."""

    def require(self, at_least: float, *, modality: str) -> None:
        """Let it pass, or not.

        Raises:
            PrecisionError: The lowest cosine is below what is allowed.
        """
        if self.min_cosine is not None and self.min_cosine < at_least:
            raise PrecisionError(
                f"{modality} vectors are too far from those of the same weights in fp32: the lowest cosine over {self.compared} items is "
                f'{self.min_cosine:.4f}, at least {at_least} is allowed. Set [embed] precision = "fp32", or lower min_precision_cosine.'
            )


def check_precision(content: Content, catalogue: pl.DataFrame, *, last: Mapping[str, Any] | None, half: bool = False) -> PrecisionCheck:
    """Encode a fixed sample of items in fp32 too, and compare.

    Args:
        content: The modality as the night encodes it.
        catalogue: Rows of the table `catalogue`.
        last: The fields of the last check; it stands while encoder, sample and storage are the same.
        half: Whether vectors are kept in fp16.
    """
    rows, digests = fixed_sample(content, catalogue)
    kept_as = ["kept in fp16"] if half else []
    sample = hashlib.sha256("\n".join([content.version, *kept_as, *digests]).encode()).hexdigest()[:16]
    if last is not None and last["sample"] == sample:
        return PrecisionCheck(**last)
    exact = content.in_fp32()
    if exact is content and not half:
        return PrecisionCheck(sample=sample, compared=0)
    short = _vectors(content, rows)
    full = short if exact is content else _vectors(exact, rows)
    both = sorted(short.keys() & full.keys())
    if not both:
        return PrecisionCheck(sample=sample, compared=0)
    computed, second = np.stack([short[row] for row in both]), np.stack([full[row] for row in both])
    first = computed.astype(np.float16).astype(np.float32) if half else computed
    return PrecisionCheck(
        sample=sample,
        compared=len(both),
        min_cosine=_min_cosine(first, second),
        min_cosine_kept=_min_cosine(first, computed) if half else None,
        neighbour_overlap=neighbour_overlap(first, second) if len(both) > 1 else None,
    )


def fixed_sample(content: Content, catalogue: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The SAMPLE items of distinct contents whose ids have the lowest digests: the same ones whatever else the catalogue holds.

    Returns:
        Rows of the catalogue, and the digest of each one's content.
    """
    starts = (hashlib.sha256(item_id.encode()).digest()[:8] for item_id in catalogue["item_id"])
    order = np.argsort(np.fromiter((int.from_bytes(start, "big") for start in starts), np.uint64, len(catalogue)), kind="stable")
    chosen = catalogue.clear().with_columns(digest=pl.lit("", pl.String))
    for part in (catalogue[order[start : start + SAMPLE]] for start in range(0, len(order), SAMPLE)):
        digests, _ = content.read(part)
        readable = part.with_columns(digest=pl.Series(digests, dtype=pl.String)).filter(pl.col("digest") != "")
        chosen = pl.concat([chosen, readable]).unique("digest", keep="first", maintain_order=True).head(SAMPLE)
        if len(chosen) == SAMPLE:
            break
    return chosen.drop("digest"), chosen["digest"].to_list()


def neighbour_overlap(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], *, k: int = NEIGHBOURS) -> float:
    """Mean share of each row's k nearest other rows by cosine that both name; k is at most the number of others.

    Args:
        first: (rows, dim) unit vectors, at least two.
        second: The same items otherwise encoded, of any dim.
    """
    k = min(k, len(first) - 1)
    named = [_nearest(vectors, k) for vectors in (first, second)]
    return float(np.mean([len(np.intersect1d(*pair)) / k for pair in zip(*named, strict=True)]))


def _min_cosine(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    return float((first * second).sum(axis=1).min())


def _nearest(vectors: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k]


def _vectors(content: Content, rows: pl.DataFrame) -> Mapping[int, npt.NDArray[np.float32]]:
    digests, _ = content.read(rows)
    return content.encode([row for row, digest in enumerate(digests) if digest]).vectors
